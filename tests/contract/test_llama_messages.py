"""Our dialect of Anthropic's Messages against a server that somebody else wrote: llama.cpp answers `/v1/messages`."""

from contextlib import aclosing

import pytest

from streamproc.chain.provider import Completed, Text
from streamproc.errors import ContextTooLong
from streamproc.providers.anthropic import Anthropic
from tests.faults.raw_provider import first, outcome, provider_at
from tests.servers.llama_words import WORDS, answer
from tests.unit.providers.calls import a_call

PROMPT = {"messages": [{"role": "user", "content": "count 7"}]}
PROMPT_TOKENS = len("count 7") + 1


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_an_answer(llama: str, stream: bool) -> None:
    """It comes to its end, with the server's own counts."""
    async with provider_at(llama.removesuffix("/v1"), dialect=Anthropic()) as provider:
        text, events, error = await outcome(provider, a_call(**PROMPT, stream=stream))
    assert error is None
    assert text.strip() == answer(7)
    completed = events[-1]
    assert isinstance(completed, Completed)
    assert completed.finish_reason == "stop"
    assert completed.usage is not None
    assert (completed.usage.input, completed.usage.output) == (PROMPT_TOKENS, WORDS + 1)


async def test_a_prompt_above_the_context(llama: str) -> None:
    """It is refused as one, and nothing is billed."""
    call = a_call(messages=[{"role": "user", "content": "count 7 " * 2000}])
    async with provider_at(llama.removesuffix("/v1"), dialect=Anthropic()) as provider:
        _, events, error = await outcome(provider, call)
    assert events == []
    assert type(error) is ContextTooLong
    assert not error.may_have_cost


async def test_an_answer_that_is_left(llama: str) -> None:
    """Its connection is closed and the next call is answered."""
    async with provider_at(llama.removesuffix("/v1"), dialect=Anthropic(), max_connections=1) as provider:
        async with aclosing(provider.stream(a_call(**PROMPT))) as stream:
            assert isinstance(await first(stream), Text)
        _, _, error = await outcome(provider, a_call(**PROMPT))
        assert error is None
