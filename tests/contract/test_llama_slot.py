"""A call that is left frees its place in a model server that somebody else wrote: llama.cpp stops generating."""

import asyncio
from contextlib import aclosing

import httpx
import pytest

from streamproc.chain.provider import Text
from streamproc.providers.openai_chat import OpenAIChat
from tests.contract.harness.waiting import eventually_found
from tests.faults.raw_provider import first, outcome, provider_at
from tests.servers.llama_words import answer
from tests.unit.providers.calls import a_call

_PROMPT = {"messages": [{"role": "user", "content": "count 7"}]}
_MOST = 60_000
_END_MARK = "2"


@pytest.mark.llama
async def test_a_call_that_is_left_frees_its_slot(narrow_llama: str) -> None:
    """The model cannot end by itself: without its end mark it would say 60,000 tokens, for half a minute."""
    endless = a_call(**_PROMPT, extra={"logit_bias": {_END_MARK: -100}})._replace(max_output_tokens=_MOST)
    async with provider_at(narrow_llama, dialect=OpenAIChat(), max_connections=2) as provider:
        async with aclosing(provider.stream(endless)) as stream:
            assert isinstance(await first(stream), Text)
            waiting = asyncio.create_task(outcome(provider, a_call(**_PROMPT)))
            await _until(narrow_llama, "requests_deferred", 1)
        text, _, error = await waiting
    assert error is None
    assert text.strip() == answer(7)
    await _until(narrow_llama, "requests_processing", 0)
    assert await _figure(narrow_llama, "tokens_predicted_total") < _MOST


async def _until(llama: str, name: str, value: int) -> None:
    async def is_so() -> bool:
        return await _figure(llama, name) == value

    await eventually_found(is_so)


async def _figure(llama: str, name: str) -> int:
    """One of the server's own metrics."""
    async with httpx.AsyncClient() as client:
        page = (await client.get(f"{llama.removesuffix('/v1')}/metrics")).text
    (line,) = [line for line in page.splitlines() if line.startswith(f"llamacpp:{name} ")]
    return int(line.split()[1])
