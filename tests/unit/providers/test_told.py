"""Usage that an API tells before the end of its answer, so that an answer that is cut is billed with it."""

from typing import Any

import orjson
import pytest

from streamproc.chain.provider import Completed, Event, Reasoning, Text, Told
from streamproc.errors import IncompleteStream
from streamproc.providers.anthropic import Anthropic
from streamproc.providers.dialect import Answer, Dialect
from streamproc.providers.ollama import Ollama
from streamproc.providers.openai_chat import OpenAIChat
from streamproc.providers.openai_responses import OpenAIResponses
from streamproc.providers.origin import Origin
from streamproc.records.usage import TokenCounts


def reading(dialect: Dialect, *payloads: dict[str, Any]) -> tuple[list[Event], Answer]:
    """The events of a stream so far, and the answer."""
    answer = dialect.answer(Origin("p", None, str))
    return [event for payload in payloads for event in answer.read(orjson.dumps(payload))], answer


def told(**figures: int) -> Told:
    """The usage so far."""
    return Told(usage=TokenCounts(**figures))


def test_anthropic_tells_the_prompt_first() -> None:
    """The output beside it is a placeholder. At the end all of it comes, before the end mark does."""
    usage = {"input_tokens": 5, "cache_read_input_tokens": 90, "output_tokens": 1}
    events, _ = reading(
        Anthropic(),
        {"type": "message_start", "message": {"model": "m", "usage": usage}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
    )
    assert events == [told(input=95, cached_input=90), told(input=95, cached_input=90, output=7)]


def test_some_servers_of_chat_completions_tell_it_with_every_chunk() -> None:
    """It is cumulative, and told behind the text that it counts."""

    def chunk(text: str, tokens: int) -> dict[str, Any]:
        usage = {"prompt_tokens": 5, "completion_tokens": tokens}
        return {"choices": [{"index": 0, "delta": {"content": text}}], "usage": usage}

    events, _ = reading(OpenAIChat(), chunk("a", 1), chunk("b", 2))
    assert events == [Text("a"), told(input=5, output=1), Text("b"), told(input=5, output=2)]


def test_a_response_that_ends_without_a_reason() -> None:
    """It is no answer, and was paid for."""
    response = {"status": "incomplete", "usage": {"input_tokens": 5, "output_tokens": 2}}
    events, answer = reading(OpenAIResponses(), {"type": "response.incomplete", "response": response})
    assert events == [told(input=5, output=2)]
    with pytest.raises(IncompleteStream):
        answer.completed()


def test_a_last_line_of_ollama_without_a_reason() -> None:
    """The same."""
    line = {"message": {"content": "a"}, "done": True, "done_reason": "", "prompt_eval_count": 5, "eval_count": 2}
    events, answer = reading(Ollama(lambda _: 4096), line)
    assert events == [Text("a"), told(input=5, output=2)]
    with pytest.raises(IncompleteStream):
        answer.completed()


def test_an_answer_in_one_piece_tells_it_at_its_end() -> None:
    """Nothing can cut it any more."""
    body = {"choices": [{"message": {"reasoning": "hm"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 5}}
    answer = OpenAIChat().answer(Origin("p", None, str))
    assert answer.read_whole(orjson.dumps(body)) == [Reasoning("hm"), Completed(TokenCounts(input=5), "stop")]
