"""Chunks of a stream and their meaning, in the dialects of several servers."""

from typing import Any

import orjson
import pytest

from streamproc.chain.provider import Completed, Event, Reasoning, Text, ToolCallPart
from streamproc.errors import IncompleteStream, MalformedStream
from streamproc.providers.openai_chat_answer import chat_answer
from streamproc.providers.openai_choices import ChoicesAnswer
from streamproc.providers.openai_usage import token_counts
from streamproc.providers.origin import Origin
from streamproc.records.usage import TokenCounts


def an_answer() -> ChoicesAnswer:
    """An answer of which nothing came yet."""
    return chat_answer(Origin("p", "req-1", str))


def read(*chunks: Any) -> tuple[list[Event], Completed]:
    """Events of these chunks, an end mark after them, and the end."""
    answer = an_answer()
    events = [event for chunk in chunks for event in answer.read(orjson.dumps(chunk))]
    assert answer.read(b"[DONE]") == []
    return events, answer.completed()


def delta(finish_reason: str | None = None, **fields: Any) -> dict[str, Any]:
    """A chunk with this delta."""
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish_reason}]}


def test_roles_empty_texts_and_nulls_are_no_events() -> None:
    """Only what says something becomes an event."""
    nothing = {"content": None, "refusal": None, "reasoning_content": None, "tool_calls": None}
    events, _ = read(
        delta(role="assistant", content=""),
        delta(**nothing),
        {"choices": [{"delta": None}]},
        {"choices": [], "prompt_filter_results": []},
        {"choices": None},
        {"moderation": {}},
        delta(content="a"),
        delta("stop"),
    )
    assert events == [Text("a")]


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning(field: str) -> None:
    """Both names that servers use."""
    assert read(delta(**{field: "hm"}), delta("stop"))[0] == [Reasoning("hm")]


def test_refusal_is_text() -> None:
    """A refusal is what the model said, under the finish reason the provider gave."""
    events, completed = read(delta(refusal="I will not"), delta("stop"))
    assert events == [Text("I will not")]
    assert completed.finish_reason == "stop"


def test_last_piece_and_finish_reason_in_one_chunk() -> None:
    """Some servers end with the last token."""
    events, completed = read(delta("length", content="b"))
    assert events == [Text("b")]
    assert completed.finish_reason == "length"


def test_parts_of_tool_calls() -> None:
    """They keep their index; empty ids of later parts are none."""
    events, _ = read(
        delta(tool_calls=[{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}]),
        delta(tool_calls=[{"index": 0, "id": "", "function": {"arguments": '{"a"'}}]),
        delta(tool_calls=[{"index": 1, "id": "c2", "function": {"name": "g", "arguments": None}}]),
        delta(tool_calls=[{"id": "c3", "function": {"name": "h", "arguments": "{}"}}]),
        delta("tool_calls"),
    )
    assert events == [
        ToolCallPart(0, "c1", "f", ""),
        ToolCallPart(0, None, None, '{"a"'),
        ToolCallPart(1, "c2", "g", ""),
        ToolCallPart(0, "c3", "h", "{}"),
    ]


USAGE = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}


@pytest.mark.parametrize(
    "last", [{"choices": [], "usage": USAGE}, {"choices": [{"index": 0, "delta": {}}], "usage": USAGE}]
)
def test_usage_chunk(last: dict[str, Any]) -> None:
    """With no choices, or with one empty one; the nulls before it do not count."""
    _, completed = read({**delta(content="a"), "usage": None}, delta("stop"), last)
    assert completed == Completed(TokenCounts(input=7, output=2), "stop")


def test_usage_in_each_chunk() -> None:
    """It is cumulative: the last one counts."""
    early = {**delta(content="a"), "usage": {"prompt_tokens": 7, "completion_tokens": 1}}
    assert read(early, {**delta("stop"), "usage": USAGE})[1].usage == TokenCounts(input=7, output=2)


def test_answer_without_usage() -> None:
    """Unknown is None, and the model is the one that answered."""
    assert read({**delta("stop", content="a"), "model": "gpt-x-2026"})[1] == Completed(None, "stop", "gpt-x-2026")


COUNTS: list[tuple[Any, TokenCounts | None]] = [
    (None, None),
    ("7", None),
    ({}, None),
    ({"total_tokens": 9}, None),
    ({"prompt_tokens": 7}, TokenCounts(input=7)),
    ({"prompt_tokens": 0, "completion_tokens": 0}, TokenCounts(input=0, output=0)),
    ({"prompt_tokens": True, "completion_tokens": -1}, None),
    ({"prompt_tokens": 7.0, "completion_tokens": 2}, TokenCounts(output=2)),
    (
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "total_tokens": 150,
            "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 30},
        },
        TokenCounts(input=100, output=50, cached_input=60, cache_write=10, reasoning=30),
    ),
    (
        {"prompt_tokens": 5, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 6}},
        TokenCounts(input=5, output=5),
    ),
    (
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "total_tokens": 180,
            "completion_tokens_details": {"reasoning_tokens": 30},
        },
        TokenCounts(input=100, output=80, reasoning=30),
    ),
    (
        {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": None, "completion_tokens_details": []},
        TokenCounts(input=1, output=1),
    ),
]


@pytest.mark.parametrize(("usage", "expected"), COUNTS)
def test_token_counts(usage: Any, expected: TokenCounts | None) -> None:
    """Figures that make no sense are None, never zero, and reasoning is always a part of the output."""
    assert token_counts(usage) == expected


def test_service_tier() -> None:
    """The one that the provider says it answered on, in whichever chunk it says so."""
    assert read(delta("stop", content="a"), {"choices": [], "service_tier": "flex"})[1].service_tier == "flex"


def test_token_counts_by_other_names() -> None:
    """Responses has the same figures under names of its own."""
    usage = {
        "input_tokens": 100,
        "output_tokens": 50,
        "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
        "output_tokens_details": {"reasoning_tokens": 30},
    }
    expected = TokenCounts(input=100, output=50, cached_input=60, cache_write=10, reasoning=30)
    assert token_counts(usage, "input_tokens", "output_tokens") == expected
    assert token_counts(usage) is None


def test_nothing_is_read_after_the_end_mark() -> None:
    """What follows `[DONE]` is not the answer's."""
    answer = an_answer()
    answer.read(orjson.dumps(delta("stop")))
    answer.read(b"[DONE] ")
    assert answer.read(b"rubbish") == []
    assert answer.completed().finish_reason == "stop"


def test_end_too_early() -> None:
    """Without a finish reason or without the end mark it is no answer, and an empty one is none at all."""
    answer = an_answer()
    with pytest.raises(MalformedStream, match="empty"):
        answer.completed()
    answer.read(orjson.dumps(delta("stop")))
    with pytest.raises(IncompleteStream, match="DONE"):
        answer.completed()
    answer = an_answer()
    answer.read(orjson.dumps(delta(content="a")))
    answer.read(b"[DONE]")
    with pytest.raises(IncompleteStream, match="finish reason") as cut:
        answer.completed()
    assert cut.value.request_id == "req-1"


def test_figures_that_make_no_sense_are_not_known() -> None:
    """A usage of 10^18 tokens passed the 64 bits of a record: the run had no result, and its partition no end."""
    usage = {"prompt_tokens": 10**18, "completion_tokens": 10**18}
    assert token_counts(usage) is None
    assert token_counts({"prompt_tokens": 5, "completion_tokens": 10**9 + 1}) == TokenCounts(input=5)


@pytest.mark.parametrize("said", ["abort", "error", "insufficient_system_resource", "stop" * 10**6])
def test_a_finish_reason_that_nobody_knows(said: str) -> None:
    """vLLM, Mistral and DeepSeek break off with one, and the answer counted as complete; a giant one is cut.

    One of 5 MB once made a result that no topic takes, and it was sent again for ever.
    """
    with pytest.raises(IncompleteStream, match="without a finish reason that is known") as cut:
        read(delta(said, content="x"))
    assert repr(said[:64]) in str(cut.value)


@pytest.mark.parametrize(
    ("said", "meant"), [("eos_token", "stop"), ("stop_sequence", "stop"), ("model_length", "length")]
)
def test_finish_reasons_of_other_servers(said: str, meant: str) -> None:
    """In the words of OpenAI."""
    assert read(delta(said, content="x"))[1].finish_reason == meant
