"""Chat Completions, on the way in: chunks of a stream, or one whole completion, become events of the chain.

No I/O and no waiting. Nothing here trusts the provider: what does not have the shape it should have is a
`MalformedStream`, what ends before its end is an `IncompleteStream`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from streamproc.chain.provider import Completed, Event, Reasoning, Text, ToolCallPart
from streamproc.errors import IncompleteStream, MalformedStream
from streamproc.providers.openai_errors import error_in_stream
from streamproc.providers.repetition import Repetition
from streamproc.providers.sse import EventTooLarge, SseDecoder
from streamproc.records.usage import TokenCounts

__all__ = ["Answer", "token_counts"]

_MOST_TOKENS = 10**9  # more than any context holds: a figure above makes no sense
_MAX_REASON_CHARACTERS = 64

_SHAPE_FAULTS = (AttributeError, IndexError, KeyError, TypeError)


class Answer:
    """One answer, read piece by piece.

    A refusal's text is given as `Text`, under the provider's own finish reason. Of several choices the first counts;
    a request asks for one.
    """

    def __init__(
        self,
        *,
        provider: str,
        request_id: str | None,
        max_event_bytes: int,
        redact: Callable[[str], str],
    ) -> None:
        self._provider = provider
        self._request_id = request_id
        self._decoder = SseDecoder(max_event_bytes)
        self._repetition = Repetition()
        self._redact = redact
        self._usage: Any = None
        self._model: str | None = None
        self._finish_reason: str | None = None
        self._is_empty = True
        self.is_done = False

    def payloads(self, chunk: bytes) -> list[bytes]:
        """Data of the stream's events that these bytes complete.

        Raises:
            MalformedStream: one of them is too long.
        """
        try:
            return self._decoder.feed(chunk)
        except EventTooLarge as exc:
            raise self.malformed(f"a stream in which {exc}") from exc

    def read_chunk(self, data: bytes) -> list[Event]:
        """Events of one chunk of a stream, mostly one; none after its end mark.

        Raises:
            ProviderError: an error object, with the class that fits it.
            MalformedStream: no JSON, or not the shape of a chunk.
        """
        if self.is_done or data.startswith(b"[DONE]"):
            self.is_done = True
            return []
        if (text := self._repetition.text(data)) is not None:
            return [Text(text)]
        events = self._read(data, "delta")
        if len(events) == 1 and type(events[0]) is Text:
            self._repetition.learn(data, events[0].text)
        return events

    def read_completion(self, body: bytes) -> list[Event]:
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
            raise self.malformed("an empty answer")
        missing = "a finish reason" if self.is_done else "its end mark [DONE]"
        raise IncompleteStream(
            f"{self._provider}: the answer ended without {missing}",
            provider=self._provider,
            status_code=200,
            request_id=self._request_id,
        )

    def malformed(self, what: str) -> MalformedStream:
        """The error for a response that is not what was asked for."""
        return MalformedStream(
            f"{self._provider} sent {what}", provider=self._provider, status_code=200, request_id=self._request_id
        )

    def _read(self, data: bytes, part: str) -> list[Event]:
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError as exc:
            raise self.malformed(f"no valid JSON: {exc}") from exc
        try:
            self._is_empty = False
            error = chunk.get("error")
            if error or chunk.get("object") == "error":
                raise error_in_stream(
                    error or chunk, provider=self._provider, request_id=self._request_id, redact=self._redact
                )
            if usage := chunk.get("usage"):
                self._usage = usage  # cumulative where it comes more than once
            if self._model is None:
                self._model = _text(chunk.get("model"))
            choices = chunk.get("choices")
            if not choices:
                return []
            choice = choices[0]
            if reason := _text(choice.get("finish_reason")):
                self._finish_reason = reason[:_MAX_REASON_CHARACTERS]
            piece = choice.get(part)
            return [] if not piece else self._events(piece)
        except _SHAPE_FAULTS as exc:
            raise self.malformed(f"JSON that is no chat completion: {exc}") from exc

    def _events(self, piece: dict[str, Any]) -> list[Event]:
        if len(piece) == 1 and type(content := piece.get("content")) is str and content:
            return [Text(content)]  # nearly every chunk
        events: list[Event] = []
        if thought := _text(piece.get("reasoning_content") or piece.get("reasoning")):
            events.append(Reasoning(thought))
        if content := _text(piece.get("content")):
            events.append(Text(content))
        if refusal := _text(piece.get("refusal")):
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
    tokens_in = _count(usage, "prompt_tokens")
    tokens_out = _count(usage, "completion_tokens")
    if tokens_in is None and tokens_out is None:
        return None
    reasoning = _count(details_out, "reasoning_tokens")
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
        cached_input=_part(_count(details_in, "cached_tokens"), tokens_in),
        cache_write=_part(_count(details_in, "cache_write_tokens"), tokens_in),
        reasoning=_part(reasoning, tokens_out),
    )


def _count(usage: Any, name: str) -> int | None:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else None


def _part(count: int | None, whole: int | None) -> int | None:
    return None if count is None or whole is None or count > whole else count


def _text(value: Any) -> str | None:
    if value is None or type(value) is str:
        return value or None
    raise TypeError(f"text expected, not {type(value).__name__}")


def _tool_calls(calls: Any) -> Iterator[ToolCallPart]:
    for position, call in enumerate(calls):
        index = call.get("index")
        function = call.get("function") or {}
        yield ToolCallPart(
            index if type(index) is int else position,  # whole calls, and some servers' parts, have no index
            _text(call.get("id")),
            _text(function.get("name")),
            _text(function.get("arguments")) or "",
        )
