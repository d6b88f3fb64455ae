"""Anthropic's Messages, on the way in: events of a stream, or one whole message, become events of the chain.

No I/O and no waiting. Nothing here trusts the provider: what does not have the shape it should have is a
`MalformedStream`, what ends before its end is an `IncompleteStream`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from streamproc.chain.provider import Completed, Event, Reasoning, Text, Told, ToolCallPart
from streamproc.providers.anthropic_usage import UsageSoFar
from streamproc.providers.fields import SHAPE_FAULTS, missing, parsed, reason, text
from streamproc.providers.origin import Origin

__all__ = ["FINISH_REASONS", "MessageAnswer"]

FINISH_REASONS: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",  # billed as any other answer
    "pause_turn": "pause_turn",
}
"""Stop reasons of a good answer, in the words of Chat Completions where it has some."""


@dataclass(slots=True)
class _ToolCall:
    """A tool call whose block is open: `input` is what came with its beginning and holds if no part follows."""

    number: int
    input: Any


class MessageAnswer:
    """One answer, read piece by piece. Blocks of a kind that nobody asked for (server tools) are ignored.

    Events are read whole: they are short, and Anthropic pads each with white space of another length.
    """

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._usage = UsageSoFar(origin)
        self._model: str | None = None
        self._stop_reason: str | None = None
        self._open: dict[Any, _ToolCall | None] = {}  # blocks by their index; None for what is no tool call
        self._calls = 0
        self._is_empty = True
        self.is_done = False

    def read(self, payload: bytes) -> list[Event]:
        """Events of one event of a stream, mostly one; none after its end mark.

        Raises:
            ProviderError: an error object, with the class that fits it.
            MalformedStream: no JSON, or not the shape of an event.
        """
        if self.is_done:
            return []
        event = parsed(payload, self._origin)
        try:
            kind = event.get("type")
            if kind == "ping":
                return []
            self._is_empty = False
            if kind == "content_block_delta":
                return self._piece(event["index"], event["delta"])
            return self._other(kind, event)
        except SHAPE_FAULTS as exc:
            raise self._origin.malformed(f"JSON that is no event of a message: {exc}") from exc

    def read_whole(self, body: bytes) -> list[Event]:
        """Events of a whole message, `Completed` included.

        Raises:
            ProviderError: an error object, with the class that fits it.
            MalformedStream: no JSON, or not the shape of a message.
            IncompleteStream: it has no stop reason.
        """
        message = parsed(body, self._origin)
        self._is_empty = False
        events: list[Event] = []
        try:
            if message.get("type") == "error" or message.get("error"):
                raise self._origin.broke_off(message.get("error") or message)
            self._note_message(message)
            self._note_end(message)
            for index, block in enumerate(message.get("content") or ()):
                events += self._begin(index, block)
                events += self._end(index)
        except SHAPE_FAULTS as exc:
            raise self._origin.malformed(f"JSON that is no message: {exc}") from exc
        self.is_done = True
        return [*events, self.completed()]

    def completed(self) -> Completed:
        """The end, when it is one: the provider's end mark and a stop reason.

        Raises:
            MalformedStream: nothing ever came.
            IncompleteStream: one of the two is missing.
        """
        finish_reason = FINISH_REASONS.get(self._stop_reason or "")
        if self.is_done and finish_reason is not None:
            return Completed(self._usage.tokens(), finish_reason, self._model, self._usage.service_tier)
        if self._is_empty:
            raise self._origin.malformed("an empty answer")
        unfinished = missing("a stop reason", self._stop_reason)
        raise self._origin.incomplete(unfinished if self.is_done else "its end mark message_stop")

    def _other(self, kind: Any, event: dict[str, Any]) -> list[Event]:
        """What all events but the pieces of blocks say; those of unknown kinds say nothing."""
        if kind == "error" or event.get("error"):
            raise self._origin.broke_off(event.get("error") or event)
        if kind == "content_block_start":
            return self._begin(event["index"], event["content_block"])
        if kind == "content_block_stop":
            return self._end(event["index"])
        if kind == "message_start":
            self._note_message(event["message"])
            self._usage.forget_output()
            return self._told()
        if kind == "message_delta":
            self._note_end(event["delta"])
            self._usage.add(event.get("usage"))
            return self._told()
        if kind == "message_stop":
            self.is_done = True
            return [part for index in list(self._open) for part in self._end(index)]
        if not isinstance(kind, str):
            raise TypeError("it has no type")
        return []

    def _told(self) -> list[Event]:
        usage = self._usage.tokens()
        return [] if usage is None else [Told(usage=usage)]

    def _note_message(self, message: dict[str, Any]) -> None:
        self._model = text(message.get("model")) or self._model
        self._usage.add(message.get("usage"))

    def _note_end(self, said: dict[str, Any]) -> None:
        self._stop_reason = reason(said.get("stop_reason"), self._origin) or self._stop_reason

    def _begin(self, index: Any, block: dict[str, Any]) -> list[Event]:
        kind, call = block["type"], None
        events: list[Event] = []
        if kind == "tool_use":
            call = _ToolCall(self._calls, block.get("input"))
            self._calls += 1
            events.append(ToolCallPart(call.number, text(block.get("id")), text(block.get("name")), ""))
        elif kind == "text":
            if said := text(block.get("text")):
                events.append(Text(said))
        elif kind == "thinking":
            thought, signature = text(block.get("thinking")), text(block.get("signature"))
            if thought or signature:
                events.append(Reasoning(thought or "", signature))
        elif kind == "redacted_thinking":
            events.append(Reasoning("", redacted=text(block["data"])))
        self._open[index] = call
        return events

    def _piece(self, index: Any, delta: dict[str, Any]) -> list[Event]:
        kind = delta["type"]
        if kind == "text_delta":
            return [Text(said)] if (said := text(delta["text"])) else []
        if kind == "thinking_delta":
            return [Reasoning(thought)] if (thought := text(delta["thinking"])) else []
        if kind == "signature_delta":
            return [Reasoning("", signature)] if (signature := text(delta["signature"])) else []
        if kind == "input_json_delta" and (call := self._open[index]) is not None:
            piece = text(delta["partial_json"])
            if piece:
                call.input = None
                return [ToolCallPart(call.number, None, None, piece)]
        return []  # citations, and what is not known

    def _end(self, index: Any) -> list[Event]:
        call = self._open.pop(index, None)
        if call is None or call.input is None:
            return []
        return [ToolCallPart(call.number, None, None, orjson.dumps(call.input).decode())]
