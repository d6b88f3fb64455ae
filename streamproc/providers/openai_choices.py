"""Answers that come as choices, as those of Chat Completions and of text completions do: their end, usage and errors.

No I/O and no waiting. Nothing here trusts the provider: what does not have the shape it should have is a
`MalformedStream`, what ends before its end is an `IncompleteStream`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from streamproc.chain.provider import Completed, Event, Text, Told
from streamproc.providers.fields import SHAPE_FAULTS, missing, parsed, reason, text
from streamproc.providers.openai_usage import token_counts
from streamproc.providers.origin import Origin
from streamproc.providers.repetition import Repetition

__all__ = ["FINISH_REASONS", "ChoicesAnswer", "EventsOf"]

FINISH_REASONS: Mapping[str, str] = {
    **{name: name for name in ("stop", "length", "tool_calls", "function_call", "content_filter")},
    "eos": "stop",  # Together
    "eos_token": "stop",  # Text Generation Inference, as the next one
    "stop_sequence": "stop",
    "end_turn": "stop",  # xAI
    "model_length": "length",  # Mistral
}
"""What ends a good answer, at OpenAI and at servers that have words of their own. Others say that it was cut: `abort`
of vLLM and SGLang, `error` of Mistral, `insufficient_system_resource` of DeepSeek."""

EventsOf = Callable[[Any], Iterable[Event]]
"""The events of one choice.

Raises one of `SHAPE_FAULTS` when it does not have the shape it should have.
"""


class ChoicesAnswer:
    """One answer, read piece by piece. Of several choices the first counts; a request asks for one."""

    def __init__(self, origin: Origin, of_chunk: EventsOf, of_whole: EventsOf, *, text_mark: bytes) -> None:
        """Nothing has come yet.

        Args:
            origin: of the response.
            of_chunk: reads a choice of a streamed chunk.
            of_whole: reads a choice of an answer in one piece.
            text_mark: the key before a piece of text, as it stands in a chunk.
        """
        self._origin = origin
        self._of_chunk = of_chunk
        self._of_whole = of_whole
        self._repetition = Repetition(text_mark)
        self._usage: Any = None
        self._model: str | None = None
        self._service_tier: str | None = None
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
        if (piece := self._repetition.text(payload)) is not None:
            return [Text(piece)]
        before = self._usage
        events = self._read(payload, self._of_chunk)
        if self._usage is not before and (usage := token_counts(self._usage)) is not None:
            events.append(Told(usage=usage))
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
        events = self._read(body, self._of_whole)
        self.is_done = True
        return [*events, self.completed()]

    def completed(self) -> Completed:
        """The end, when it is one: the provider's end mark and a finish reason.

        Raises:
            MalformedStream: nothing ever came.
            IncompleteStream: one of the two is missing.
        """
        finish_reason = FINISH_REASONS.get(self._finish_reason or "")
        if self.is_done and finish_reason is not None:
            return Completed(token_counts(self._usage), finish_reason, self._model, self._service_tier)
        if self._is_empty:
            raise self._origin.malformed("an empty answer")
        unfinished = missing("a finish reason", self._finish_reason)
        raise self._origin.incomplete(unfinished if self.is_done else "its end mark [DONE]")

    def _read(self, data: bytes, events_of: EventsOf) -> list[Event]:
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
            if tier := chunk.get("service_tier"):
                self._service_tier = reason(tier, self._origin)
            choices = chunk.get("choices")
            if not choices:
                return []
            choice = choices[0]
            if finish_reason := reason(choice.get("finish_reason"), self._origin):
                self._finish_reason = finish_reason
            return list(events_of(choice))
        except SHAPE_FAULTS as exc:
            raise self._origin.malformed(f"JSON that is no completion: {exc}") from exc
