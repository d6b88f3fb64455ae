"""Ollama's own API, on the way in: lines of a stream, or one whole answer, become events of the chain.

`/api/chat` says its pieces in `message`, `/api/generate` beside the other fields of a line. No I/O and no waiting.
Nothing here trusts the provider: what does not have the shape it should have is a `MalformedStream`, what ends before
its end is an `IncompleteStream`.
"""

from typing import Any

import orjson

from streamproc.chain.provider import Completed, Event, Reasoning, Text, Told, ToolCallPart
from streamproc.providers.fields import SHAPE_FAULTS, count, missing, parsed, reason, text
from streamproc.providers.origin import Origin
from streamproc.records.usage import TokenCounts

__all__ = ["DONE_REASONS", "OllamaAnswer"]

DONE_REASONS = frozenset({"stop", "length", "load", "unload"})
"""What ends a good answer; the last two, one to a request that asks nothing."""


class OllamaAnswer:
    """One answer, read line by line.

    Its last line is `done` and has a `done_reason`, which is empty when the connection to the model was lost. `stop`
    and `length` mean what they mean in Chat Completions; `stop` behind tool calls is `tool_calls`.
    """

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._usage: TokenCounts | None = None
        self._model: str | None = None
        self._done_reason: str | None = None
        self._calls = 0
        self._is_empty = True
        self.is_done = False

    def read(self, payload: bytes) -> list[Event]:
        """Events of one line of a stream, mostly one; none after the last.

        Raises:
            ProviderError: an error, with the class that fits it.
            MalformedStream: no JSON, or not the shape of a line.
        """
        return [] if self.is_done else self._read(payload)

    def read_whole(self, body: bytes) -> list[Event]:
        """Events of an answer that is not streamed, `Completed` included.

        Raises:
            ProviderError: an error, with the class that fits it.
            MalformedStream: no JSON, or not the shape of an answer.
            IncompleteStream: it is not done, or has no reason for it.
        """
        events = self._read(body)
        return [*events, self.completed()]

    def completed(self) -> Completed:
        """The end, when it is one: a line that is done, and says why.

        Raises:
            MalformedStream: nothing ever came.
            IncompleteStream: one of the two is missing.
        """
        if self._done_reason in DONE_REASONS:  # which is read from a line that is done alone
            finish_reason = "tool_calls" if self._calls and self._done_reason == "stop" else self._done_reason
            return Completed(self._usage, finish_reason, self._model)
        if self._is_empty:
            raise self._origin.malformed("an empty answer")
        unfinished = missing("a done_reason", self._done_reason)
        raise self._origin.incomplete(unfinished if self.is_done else "its end mark, a line that is done")

    def _read(self, data: bytes) -> list[Event]:
        line = parsed(data, self._origin)
        self._is_empty = False
        try:
            if error := line.get("error"):
                raise self._origin.broke_off(error)
            if line.get("done") is True:
                self._note_end(line)
            message = line.get("message")
            events = self._events(line, "response") if message is None else self._events(message, "content")
            if self._usage is not None and self._done_reason not in DONE_REASONS:
                events.append(Told(usage=self._usage))
            return events
        except SHAPE_FAULTS as exc:
            raise self._origin.malformed(f"JSON that is no line of an answer: {exc}") from exc

    def _note_end(self, line: dict[str, Any]) -> None:
        self.is_done = True
        self._done_reason = reason(line.get("done_reason"), self._origin)
        self._model = text(line.get("model"))
        tokens_in, tokens_out = count(line, "prompt_eval_count"), count(line, "eval_count")
        if tokens_in is not None or tokens_out is not None:
            self._usage = TokenCounts(input=tokens_in, output=tokens_out)

    def _events(self, piece: dict[str, Any], name: str) -> list[Event]:
        events: list[Event] = []
        if thought := text(piece.get("thinking")):
            events.append(Reasoning(thought))
        if said := text(piece.get(name)):
            events.append(Text(said))
        for call in piece.get("tool_calls") or ():
            function = call["function"]
            arguments = function.get("arguments")
            if not isinstance(arguments, str):
                arguments = orjson.dumps(arguments or {}).decode()
            events.append(ToolCallPart(self._calls, text(call.get("id")), text(function.get("name")), arguments))
            self._calls += 1
        return events
