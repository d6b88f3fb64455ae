"""Events of Responses and their meaning."""

from typing import Any

import orjson
import pytest

from streamproc.chain.provider import Completed, Event, Reasoning, Text, ToolCallPart
from streamproc.errors import IncompleteStream, MalformedStream
from streamproc.providers.openai_responses_answer import ResponsesAnswer
from streamproc.providers.origin import Origin
from streamproc.records.usage import TokenCounts


def an_answer() -> ResponsesAnswer:
    """An answer of which nothing came yet."""
    return ResponsesAnswer(Origin("p", "req-1", str))


def a_response(status: str = "completed", **fields: Any) -> dict[str, Any]:
    """A response, as its last event and a whole answer have it."""
    return {"id": "resp_1", "status": status, "output": [], "usage": None, **fields}


def read(*events: Any, **fields: Any) -> tuple[list[Event], Completed]:
    """What these events say, and the end that a response with these fields makes."""
    answer = an_answer()
    told = [event for data in events for event in answer.read(orjson.dumps(data))]
    told += answer.read(orjson.dumps({"type": "response.completed", "response": a_response(**fields)}))
    assert answer.is_done
    return told, answer.completed()


def item(kind: str, output_index: int, **fields: Any) -> dict[str, Any]:
    """The beginning (`added`) or the end (`done`) of an output item."""
    return {"type": f"response.output_item.{kind}", "output_index": output_index, "item": fields}


def a_call_of(name: str, arguments: str = "") -> dict[str, Any]:
    """An output item that calls a function."""
    return {"type": "function_call", "id": f"fc_{name}", "call_id": f"c_{name}", "name": name, "arguments": arguments}


def arguments(output_index: int, delta: str) -> dict[str, Any]:
    """A piece of a call's arguments."""
    return {"type": "response.function_call_arguments.delta", "output_index": output_index, "delta": delta}


def test_text_and_refusals_are_text() -> None:
    """A refusal is what the model said."""
    events, completed = read(
        {"type": "response.output_text.delta", "delta": "a"},
        {"type": "response.refusal.delta", "delta": "I will not"},
    )
    assert events == [Text("a"), Text("I will not")]
    assert completed.finish_reason == "stop"


@pytest.mark.parametrize("kind", ["reasoning_text", "reasoning_summary_text"])
def test_reasoning(kind: str) -> None:
    """The model's own words and their summary alike."""
    assert read({"type": f"response.{kind}.delta", "delta": "hm"})[0] == [Reasoning("hm")]


def test_encrypted_reasoning() -> None:
    """Id and content are the signature, which closes the text before it; without content there is none."""
    events, _ = read(
        item("added", 0, type="reasoning", id="rs_1", summary=[]),
        {"type": "response.reasoning_summary_text.delta", "delta": "hm"},
        item("done", 0, type="reasoning", id="rs_1", summary=[{"text": "hm"}], encrypted_content="gAAA=="),
        item("done", 1, type="reasoning", id="rs_2", summary=[]),
    )
    assert events == [Reasoning("hm"), Reasoning("", "rs_1 gAAA==")]


def test_calls_of_functions() -> None:
    """They are counted from 0, wherever among the items they stand, and their pieces may come in turns."""
    events, completed = read(
        item("added", 0, type="reasoning"),
        item("added", 1, **a_call_of("f")),
        item("added", 4, **a_call_of("g")),
        arguments(4, '{"b"'),
        arguments(1, "{}"),
        arguments(4, ":1}"),
        item("done", 1, **a_call_of("f", "{}")),
        item("done", 4, **a_call_of("g", '{"b":1}')),
    )
    assert events == [
        ToolCallPart(0, "c_f", "f", ""),
        ToolCallPart(1, "c_g", "g", ""),
        ToolCallPart(1, None, None, '{"b"'),
        ToolCallPart(0, None, None, "{}"),
        ToolCallPart(1, None, None, ":1}"),
    ]
    assert completed.finish_reason == "tool_calls"


def test_calls_whose_arguments_come_whole() -> None:
    """Some servers send them with the end of the item alone, and some send that alone."""
    events, _ = read(
        item("added", 0, **a_call_of("f")),
        item("done", 0, **a_call_of("f", "{}")),
        item("done", 1, **a_call_of("g", "[]")),
    )
    assert events == [
        ToolCallPart(0, "c_f", "f", ""),
        ToolCallPart(0, None, None, "{}"),
        ToolCallPart(1, "c_g", "g", ""),
        ToolCallPart(1, None, None, "[]"),
    ]


OUTPUT = [
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "gA"},
    {"type": "message", "content": [{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "b"}]},
    {"type": "web_search_call", "id": "ws_1"},
    a_call_of("f", "{}"),
    a_call_of("g", "[]"),
]
TOLD = [
    Reasoning("hm"),
    Reasoning("", "rs_1 gA"),
    Text("a"),
    Text("b"),
    ToolCallPart(0, "c_f", "f", "{}"),
    ToolCallPart(1, "c_g", "g", "[]"),
]


def test_a_whole_response() -> None:
    """All its items, in their order; usage, model and tier at the end."""
    usage = {"input_tokens": 7, "output_tokens": 2}
    body = a_response(output=OUTPUT, usage=usage, model="m-1", service_tier="flex")
    events = an_answer().read_whole(orjson.dumps(body))
    assert events == [*TOLD, Completed(TokenCounts(input=7, output=2), "tool_calls", "m-1", "flex")]


def test_a_stream_of_its_last_event_alone() -> None:
    """A gateway that gathers a stream loses no text, and one that does not doubles none."""
    assert read(output=OUTPUT)[0] == TOLD
    assert read({"type": "response.output_text.delta", "delta": "a"}, output=OUTPUT[:2])[0] == [Text("a")]


FINISH_REASONS = [
    ("completed", None, "stop"),
    ("incomplete", {"reason": "max_output_tokens"}, "length"),
    ("incomplete", {"reason": "max_tokens"}, "length"),
    ("incomplete", {"reason": "content_filter"}, "content_filter"),
]


@pytest.mark.parametrize(("status", "details", "expected"), FINISH_REASONS)
def test_finish_reasons(status: str, details: Any, expected: str) -> None:
    """They are the words of Chat Completions where it has some."""
    assert read(status=status, incomplete_details=details)[1].finish_reason == expected


def test_a_reason_that_nobody_knows() -> None:
    """It may be a cut; a giant one does not come whole into the sentence."""
    with pytest.raises(IncompleteStream, match="without a finish reason that is known") as cut:
        read(status="incomplete", incomplete_details={"reason": "novelty" * 100})
    assert repr(("novelty" * 100)[:64]) in str(cut.value)


@pytest.mark.parametrize("fields", [{"status": "queued"}, {"status": None}, {"status": "incomplete"}])
def test_an_end_without_a_reason(fields: dict[str, Any]) -> None:
    """It is a cut, in a stream and as a whole."""
    with pytest.raises(IncompleteStream, match="finish reason"):
        read(**fields)
    with pytest.raises(IncompleteStream, match="finish reason") as cut:
        an_answer().read_whole(orjson.dumps(a_response(**fields)))
    assert cut.value.request_id == "req-1"


def test_end_too_early() -> None:
    """Without the event that ends it, it is no answer, and an empty one is none at all."""
    answer = an_answer()
    with pytest.raises(MalformedStream, match="empty"):
        answer.completed()
    answer.read(b'{"type":"response.output_text.delta","delta":"a"}')
    answer.read(b"[DONE]")
    with pytest.raises(IncompleteStream, match=r"response\.completed"):
        answer.completed()


def test_nothing_is_read_after_the_end() -> None:
    """What follows is not the answer's."""
    answer = an_answer()
    answer.read(orjson.dumps({"type": "response.completed", "response": a_response()}))
    assert answer.read(b"rubbish") == []
    assert answer.completed() == Completed(None, "stop")
