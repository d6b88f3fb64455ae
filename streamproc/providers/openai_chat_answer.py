"""Chat Completions, on the way in: chunks of a stream, or one whole completion, become events of the chain.

No I/O and no waiting. Nothing here trusts the provider: what does not have the shape it should have is a
`MalformedStream`, what ends before its end is an `IncompleteStream`.
"""

from collections.abc import Iterator
from typing import Any

from streamproc.chain.provider import Completed, Event, Reasoning, Text, ToolCallPart
from streamproc.providers.fields import SHAPE_FAULTS, count, parsed, part, text
from streamproc.providers.origin import Origin
from streamproc.providers.repetition import Repetition
from streamproc.records.usage import TokenCounts

__all__ = ["ChatAnswer", "token_counts"]

_MAX_REASON_CHARACTERS = 64


class ChatAnswer:
    """One answer, read piece by piece.

    A refusal's text is given as `Text`, under the provider's own finish reason. Of several choices the first counts;
    a request asks for one.
    """

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._repetition = Repetition()
        self._usage: Any = None
        self._model: str | None = None
        self._finish_reason: str | None = None
        self._is_empty = True
        self.is_done = False

    def read(self, payload: bytes) -> list[Event]:
        """Events of one chunk of a stream, mostly one; none after its end mark.

        Raises:
            ProviderError: an error object, with the class that fits it.
            MalformedStream: no JSON, or not the shape of a chunk.
        """
        if self.is_done or payload.startswith(b"[DONE]"):
            self.is_done = True
            return []
        if (text := self._repetition.text(payload)) is not None:
            return [Text(text)]
        events = self._read(payload, "delta")
        if len(events) == 1 and type(events[0]) is Text:
            self._repetition.learn(payload, events[0].text)
        return events

    def read_whole(self, body: bytes) -> list[Event]:
        """Events of a whole completion, `Completed` included.

        Raises:
            ProviderError: an error object, with the class that fits it.
            MalformedStream: no JSON, or not the shape of a completion.
            IncompleteStream: it has no finish reason.
        """
        events = self._read(body, "message")
        self.is_done = True
        return [*events, self.completed()]

    def completed(self) -> Completed:
        """The end, when it is one: the provider's end mark and a finish reason.

        Raises:
            MalformedStream: nothing ever came.
            IncompleteStream: one of the two is missing.
        """
        if self.is_done and self._finish_reason is not None:
            return Completed(token_counts(self._usage), self._finish_reason, self._model)
        if self._is_empty:
            raise self._origin.malformed("an empty answer")
        raise self._origin.incomplete("a finish reason" if self.is_done else "its end mark [DONE]")

    def _read(self, data: bytes, part: str) -> list[Event]:
        chunk = parsed(data, self._origin)
        try:
            self._is_empty = False
            error = chunk.get("error")
            if error or chunk.get("object") == "error":
                raise self._origin.broke_off(error or chunk)
            if usage := chunk.get("usage"):
                self._usage = usage  # cumulative where it comes more than once
            if self._model is None:
                self._model = text(chunk.get("model"))
            choices = chunk.get("choices")
            if not choices:
                return []
            choice = choices[0]
            if reason := text(choice.get("finish_reason")):
                self._finish_reason = reason[:_MAX_REASON_CHARACTERS]
            piece = choice.get(part)
            return [] if not piece else self._events(piece)
        except SHAPE_FAULTS as exc:
            raise self._origin.malformed(f"JSON that is no chat completion: {exc}") from exc

    def _events(self, piece: dict[str, Any]) -> list[Event]:
        if len(piece) == 1 and type(content := piece.get("content")) is str and content:
            return [Text(content)]  # nearly every chunk
        events: list[Event] = []
        if thought := text(piece.get("reasoning_content") or piece.get("reasoning")):
            events.append(Reasoning(thought))
        if content := text(piece.get("content")):
            events.append(Text(content))
        if refusal := text(piece.get("refusal")):
            events.append(Text(refusal))
        if calls := piece.get("tool_calls"):
            events.extend(_tool_calls(calls))
        return events


def token_counts(usage: Any) -> TokenCounts | None:
    """The provider's usage; a figure that is missing or makes no sense is None, and so is a usage without figures."""
    if not isinstance(usage, dict):
        return None
    details_in = usage.get("prompt_tokens_details")
    details_out = usage.get("completion_tokens_details")
    tokens_in = count(usage, "prompt_tokens")
    tokens_out = count(usage, "completion_tokens")
    if tokens_in is None and tokens_out is None:
        return None
    reasoning = count(details_out, "reasoning_tokens")
    if (
        tokens_in
        and tokens_out is not None
        and reasoning
        and usage.get("total_tokens") == tokens_in + tokens_out + reasoning
    ):
        tokens_out += reasoning  # a server that counts reasoning beside its completion tokens (xAI)
    return TokenCounts(
        input=tokens_in,
        output=tokens_out,
        cached_input=part(count(details_in, "cached_tokens"), tokens_in),
        cache_write=part(count(details_in, "cache_write_tokens"), tokens_in),
        reasoning=part(reasoning, tokens_out),
    )


def _tool_calls(calls: Any) -> Iterator[ToolCallPart]:
    for position, call in enumerate(calls):
        index = call.get("index")
        function = call.get("function") or {}
        yield ToolCallPart(
            index if type(index) is int else position,  # whole calls, and some servers' parts, have no index
            text(call.get("id")),
            text(function.get("name")),
            text(function.get("arguments")) or "",
        )
