"""Whole messages of Anthropic's API; what its streams mean is a table of `tests/faults/cases`."""

from typing import Any

import orjson
import pytest

from streamproc.chain.provider import Completed, Event, Reasoning, Text, ToolCallPart
from streamproc.errors import IncompleteStream, MalformedStream
from streamproc.providers.anthropic_answer import MessageAnswer
from streamproc.providers.origin import Origin
from streamproc.records.usage import TokenCounts


def an_answer() -> MessageAnswer:
    """An answer of which nothing came yet."""
    return MessageAnswer(Origin("p", "req-1", str))


def whole(*content: Any, **fields: Any) -> list[Event]:
    """Events of a whole message."""
    body = {"type": "message", "model": "m-1", "stop_reason": "end_turn", "content": content, **fields}
    return an_answer().read_whole(orjson.dumps(body))


def test_every_kind_of_block() -> None:
    """Each says its events whole; what the provider's own tools did is none."""
    assert whole(
        {"type": "thinking", "thinking": "hm", "signature": "s1"},
        {"type": "thinking", "thinking": "", "signature": "s2"},
        {"type": "redacted_thinking", "data": "d1"},
        {"type": "text", "text": "a"},
        {"type": "text", "text": ""},
        {"type": "server_tool_use", "id": "x", "name": "web_search", "input": {"query": "q"}},
        {"type": "tool_use", "id": "c1", "name": "f", "input": {"x": [1, None]}},
        {"type": "tool_use", "id": "c2", "name": "g", "input": {}},
        stop_reason="tool_use",
        usage={"input_tokens": 7, "output_tokens": 2, "service_tier": "priority"},
    ) == [
        Reasoning("hm", "s1"),
        Reasoning("", "s2"),
        Reasoning("", None, "d1"),
        Text("a"),
        ToolCallPart(0, "c1", "f", ""),
        ToolCallPart(0, None, None, '{"x":[1,null]}'),
        ToolCallPart(1, "c2", "g", ""),
        ToolCallPart(1, None, None, "{}"),
        Completed(TokenCounts(input=7, output=2), "tool_calls", "m-1", "priority"),
    ]


def test_a_message_without_content() -> None:
    """A refusal may have none, and is billed all the same."""
    usage = {"input_tokens": 7, "output_tokens": 0}
    assert whole(stop_reason="refusal", usage=usage) == [
        Completed(TokenCounts(input=7, output=0), "content_filter", "m-1")
    ]


@pytest.mark.parametrize(
    "content", [[1], ["a"], [{}], [{"type": "text", "text": 1}], [{"type": "redacted_thinking"}], {"a": 1}, 17]
)
def test_content_of_another_shape(content: Any) -> None:
    """Is no answer."""
    with pytest.raises(MalformedStream):
        whole(content=content)


def test_text_that_comes_with_the_beginning_of_its_block() -> None:
    """Some servers begin with it."""
    answer = an_answer()
    begin = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "a"}}
    assert answer.read(orjson.dumps(begin)) == [Text("a")]


def test_arguments_that_come_with_the_beginning_of_their_block() -> None:
    """They count when no part follows, also where the end of the block is left out."""
    answer = an_answer()
    block = {"type": "tool_use", "id": "c1", "name": "f", "input": {"x": 1}}
    answer.read(orjson.dumps({"type": "content_block_start", "index": 0, "content_block": block}))
    answer.read(orjson.dumps({"type": "message_delta", "delta": {"stop_reason": "tool_use"}}))
    assert answer.read(b'{"type":"message_stop"}') == [ToolCallPart(0, None, None, '{"x":1}')]
    assert answer.completed().finish_reason == "tool_calls"


def test_end_too_early() -> None:
    """Without a stop reason or without the end mark it is no answer, and one of pings alone is none at all."""
    answer = an_answer()
    answer.read(b'{"type":"ping"}')
    with pytest.raises(MalformedStream, match="empty"):
        answer.completed()
    answer.read(b'{"type":"message_delta","delta":{"stop_reason":"end_turn"}}')
    with pytest.raises(IncompleteStream, match="message_stop"):
        answer.completed()
    answer = an_answer()
    answer.read(b'{"type":"message_stop"}')
    with pytest.raises(IncompleteStream, match="stop reason") as cut:
        answer.completed()
    assert cut.value.request_id == "req-1"


@pytest.mark.parametrize("said", ["something_new", "x" * 10**6])
def test_a_stop_reason_that_nobody_knows(said: str) -> None:
    """It may be a cut; a giant one does not come whole into the sentence."""
    with pytest.raises(IncompleteStream, match="without a stop reason that is known") as cut:
        whole(stop_reason=said)
    assert repr(said[:64]) in str(cut.value)


def test_an_echoed_key_is_taken_out() -> None:
    """Stop reason and service tier go into results, bills and sentences."""
    answer = MessageAnswer(Origin("p", None, lambda text: text.replace("sk-1", "[redacted]")))
    body = {"content": [], "stop_reason": "end_turn", "usage": {"output_tokens": 1, "service_tier": "of sk-1"}}
    assert answer.read_whole(orjson.dumps(body)) == [Completed(TokenCounts(output=1), "stop", None, "of [redacted]")]
    with pytest.raises(IncompleteStream, match=r"'for \[redacted\]' may be a cut"):
        answer.read_whole(orjson.dumps({**body, "stop_reason": "for sk-1"}))
