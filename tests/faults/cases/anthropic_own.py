"""What only Anthropic's Messages have: blocks, stop reasons of their own, usage that is told twice."""

from collections.abc import Callable
from typing import Any

from streamproc.chain.provider import Completed, Event, Reasoning, Text, ToolCallPart
from streamproc.errors import IncompleteStream, TimedOut
from streamproc.records.usage import TokenCounts
from tests.faults.cases.case import Case, Table
from tests.faults.raw_provider import END, chunked

__all__ = ["own"]

_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nrequest-id: req-7\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
_FIRST = {"input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 1, "service_tier": "standard"}
_USED = TokenCounts(input=7, output=2, cached_input=4)


def own(event: Callable[..., bytes]) -> Table:
    """The cases; `event` gives the frame of an event by its type and fields."""
    begin = event("message_start", message={"model": "m-1", "usage": _FIRST})
    stop = event("message_stop")

    def end(stop_reason: str = "end_turn", **usage: Any) -> bytes:
        told = usage or {"output_tokens": 2}
        return event("message_delta", delta={"stop_reason": stop_reason}, usage=told)

    def block(index: int, kind: dict[str, Any], *deltas: dict[str, Any]) -> tuple[bytes, ...]:
        pieces = [event("content_block_delta", index=index, delta=delta) for delta in deltas]
        return (
            event("content_block_start", index=index, content_block=kind),
            *pieces,
            event("content_block_stop", index=index),
        )

    def text(said: str) -> tuple[bytes, ...]:
        return block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": said})

    def good(*frames: bytes, events: tuple[Event, ...], reason: str = "stop", usage: TokenCounts = _USED) -> Case:
        packets = (_HEAD, *map(chunked, (begin, *frames, stop)), END)
        return Case(sends=packets, events=(*events, Completed(usage, reason, "m-1", "standard")), basis="provider")

    tool = {"type": "tool_use", "id": "c1", "name": "f", "input": {}}
    cases = {
        f"stop reason {said}": good(*text("a"), end(said), events=(Text("a"),), reason=meant)
        for said, meant in {
            "end_turn": "stop",
            "stop_sequence": "stop",
            "max_tokens": "length",
            "model_context_window_exceeded": "length",
            "tool_use": "tool_calls",
            "refusal": "content_filter",
            "pause_turn": "pause_turn",
        }.items()
    }
    return cases | {
        "a refusal before the first token": good(end("refusal"), events=(), reason="content_filter"),
        "usage that is told again": good(
            *text("a"),
            end(output_tokens=1),
            end(input_tokens=5, cache_read_input_tokens=None, output_tokens=2),
            events=(Text("a"),),
            usage=TokenCounts(input=9, output=2, cached_input=4),
        ),
        "usage without its end": Case(
            sends=(_HEAD, *map(chunked, (begin, *text("a"), event("message_delta", delta={"stop_reason": "end_turn"}))),
                   chunked(stop), END),
            events=(Text("a"), Completed(TokenCounts(input=7, cached_input=4), "stop", "m-1", "standard")),
            basis="estimated",
        ),
        "thinking, its signature, and thinking that is hidden": good(
            *block(
                0,
                {"type": "thinking", "thinking": "", "signature": ""},
                {"type": "thinking_delta", "thinking": "hm"},
                {"type": "thinking_delta", "thinking": "m"},
                {"type": "signature_delta", "signature": "s1"},
            ),
            *block(1, {"type": "redacted_thinking", "data": "d1"}),
            *block(2, {"type": "text", "text": ""}, {"type": "text_delta", "text": "a"}),
            end(),
            events=(Reasoning("hm"), Reasoning("m"), Reasoning("", "s1"), Reasoning("", None, "d1"), Text("a")),
        ),
        "tool calls": good(
            *text("a"),
            *block(
                1,
                tool,
                {"type": "input_json_delta", "partial_json": ""},
                {"type": "input_json_delta", "partial_json": '{"x"'},
                {"type": "input_json_delta", "partial_json": ":1}"},
            ),
            *block(2, {**tool, "id": "c2", "name": "g"}, {"type": "input_json_delta", "partial_json": ""}),
            end("tool_use"),
            events=(
                Text("a"),
                ToolCallPart(0, "c1", "f", ""),
                ToolCallPart(0, None, None, '{"x"'),
                ToolCallPart(0, None, None, ":1}"),
                ToolCallPart(1, "c2", "g", ""),
                ToolCallPart(1, None, None, "{}"),
            ),
            reason="tool_calls",
        ),
        "a tool call that is cut": Case(
            sends=(_HEAD, *map(chunked, (begin, *block(0, tool)[:1])), END),
            events=(ToolCallPart(0, "c1", "f", ""),),
            error=IncompleteStream,
            says="message_stop",
            basis="estimated",
            status=200,
            request_id="req-7",
        ),
        "events that are padded": good(
            *(frame.replace(b"}\n\n", b"   }\n\n") for frame in (*text("a"), end())), events=(Text("a"),)
        ),
        "pings instead of a first token": Case(
            sends=(_HEAD, chunked(begin)),
            drips=chunked(event("ping")),
            within={"idle_seconds": 0.2},
            error=TimedOut,
            basis="estimated",
            status=200,
        ),
    }  # fmt: skip
