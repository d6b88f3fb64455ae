"""Responses, on the way in: events of a stream, or one whole response, become events of the chain.

No I/O and no waiting. Nothing here trusts the provider: what does not have the shape it should have is a
`MalformedStream`, what ends before its end is an `IncompleteStream`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from streamproc.chain.provider import Completed, Event, Reasoning, Text, Told, ToolCallPart
from streamproc.providers.fields import SHAPE_FAULTS, missing, parsed, reason, text
from streamproc.providers.openai_responses_items import output_events, signature
from streamproc.providers.openai_usage import token_counts
from streamproc.providers.origin import Origin

__all__ = ["FINISH_REASONS", "ResponsesAnswer"]

_TEXT = "response.output_text.delta"
_SAID = frozenset({_TEXT, "response.refusal.delta"})
_THOUGHT = frozenset({"response.reasoning_text.delta", "response.reasoning_summary_text.delta"})
_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})

FINISH_REASONS: Mapping[str, str] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
}
"""Why a response is incomplete, in the words of Chat Completions; what is not here may be a cut."""


class ResponsesAnswer:
    """One answer, read piece by piece. A refusal's text is given as `Text`; events of unknown types say nothing."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._tools: dict[Any, int] = {}  # our index of a call, by its place among the output items
        self._with_arguments: set[int] = set()
        self._has_spoken = False
        self._reason: str | None = None  # why the response is incomplete
        self._completed: Completed | None = None
        self._is_empty = True
        self.is_done = False

    def read(self, payload: bytes) -> list[Event]:
        """Events of one event of a stream, mostly one; none after its end mark.

        Raises:
            ProviderError: an error object, with the class that fits it.
            MalformedStream: no JSON, or not the shape of an event.
        """
        if self.is_done or payload.startswith(b"[DONE]"):
            return []  # which some gateways send behind the end mark, and none in its place
        event = parsed(payload, self._origin)
        try:
            self._is_empty = False
            kind = event.get("type")
            if kind == _TEXT and type(piece := event.get("delta")) is str and piece:
                self._has_spoken = True
                return [Text(piece)]  # nearly every event
            events = list(self._read(kind, event))
        except SHAPE_FAULTS as exc:
            raise self._origin.malformed(f"JSON that is no event of a response: {exc}") from exc
        self._has_spoken = self._has_spoken or bool(events)
        return events

    def read_whole(self, body: bytes) -> list[Event]:
        """Events of a whole response, `Completed` included.

        Raises:
            ProviderError: an error object, with the class that fits it.
            MalformedStream: no JSON, or not the shape of a response.
            IncompleteStream: it is not complete, and no reason says why.
        """
        response = parsed(body, self._origin)
        try:
            self._is_empty = False
            events = list(self._end(response))
        except SHAPE_FAULTS as exc:
            raise self._origin.malformed(f"JSON that is no response: {exc}") from exc
        return [*events, self.completed()]

    def completed(self) -> Completed:
        """The end, when it is one: the event that ends the response, and its reason.

        Raises:
            MalformedStream: nothing ever came.
            IncompleteStream: one of the two is missing.
        """
        if self._completed is not None:
            return self._completed
        if self._is_empty:
            raise self._origin.malformed("an empty answer")
        unfinished = missing("a finish reason", self._reason)
        raise self._origin.incomplete(unfinished if self.is_done else "its end mark response.completed")

    def _read(self, kind: Any, event: dict[str, Any]) -> Iterator[Event]:
        if kind in _SAID:
            if piece := text(event.get("delta")):
                yield Text(piece)
        elif kind in _THOUGHT:
            if piece := text(event.get("delta")):
                yield Reasoning(piece)
        elif kind == "response.function_call_arguments.delta":
            yield self._arguments(event)
        elif kind == "response.output_item.added":
            yield from self._item_added(event["item"], event.get("output_index"))
        elif kind == "response.output_item.done":
            yield from self._item_done(event["item"], event.get("output_index"))
        elif kind in _ENDS:
            yield from self._end(event["response"])
        elif kind == "error" or (kind is None and event.get("error")):
            raise self._origin.broke_off(event.get("error") or {**event, "type": None})

    def _arguments(self, event: dict[str, Any]) -> ToolCallPart:
        index = self._tools[event.get("output_index")]
        self._with_arguments.add(index)
        return ToolCallPart(index, None, None, text(event.get("delta")) or "")

    def _item_added(self, item: dict[str, Any], place: Any) -> Iterator[Event]:
        if item.get("type") == "function_call":
            index = self._tools[place] = len(self._tools)
            yield from output_events({**item, "arguments": ""}, index)

    def _item_done(self, item: dict[str, Any], place: Any) -> Iterator[Event]:
        if item.get("type") == "reasoning":
            if proof := signature(item):
                yield Reasoning("", proof)
        elif item.get("type") == "function_call":
            index = self._tools.get(place)
            if index is None:
                yield from self._item_added(item, place)
                index = self._tools[place]
            # Some servers send the arguments whole, and only here.
            if index not in self._with_arguments and (arguments := text(item.get("arguments"))):
                yield ToolCallPart(index, None, None, arguments)

    def _end(self, response: dict[str, Any]) -> Iterator[Event]:
        """The end of the response, and all of it when no piece of it came before."""
        self.is_done = True
        status = text(response.get("status"))
        if (error := response.get("error")) or status == "failed":
            raise self._origin.broke_off(error)
        if not self._has_spoken:
            for place, item in enumerate(response.get("output") or ()):
                if item.get("type") == "function_call":
                    self._tools[place] = len(self._tools)
                yield from output_events(item, self._tools.get(place, 0))
        finish_reason = self._finish_reason(status, response.get("incomplete_details"))
        usage = token_counts(response.get("usage"), "input_tokens", "output_tokens")
        if finish_reason is not None:
            tier = reason(response.get("service_tier"), self._origin)
            self._completed = Completed(usage, finish_reason, text(response.get("model")), tier)
        elif usage is not None:
            yield Told(usage=usage)

    def _finish_reason(self, status: str | None, details: Any) -> str | None:
        if status == "completed":
            return "tool_calls" if self._tools else "stop"
        if status == "incomplete" and details is not None:
            self._reason = reason(details.get("reason"), self._origin)
            return FINISH_REASONS.get(self._reason or "")
        return None
