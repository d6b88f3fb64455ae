"""The reader's rules: how chunks and results of one run become what a person may see. Pure.

A higher attempt starts again, a lower one is ignored; a `seq` that was seen is ignored, a gap is held until it is
filled; the result decides. Silence means nothing here: it is for the reader to say that a stream is stalled.
"""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from streamproc.records.chunk import Chunk
from streamproc.records.result import Result, ResultReasoning, ResultToolCall

__all__ = ["Finished", "Piece", "Reset", "StreamView", "Update", "join_parts"]


class Reset(NamedTuple):
    """What was shown is void; the answer starts again as this attempt."""

    run_id: str
    attempt: int


class Piece(NamedTuple):
    """The next piece, in order: a chunk of kind text, reasoning or tool_call."""

    run_id: str
    chunk: Chunk


class Finished(NamedTuple):
    """The run's result. Nothing comes after it."""

    run_id: str
    result: Result


Update = Reset | Piece | Finished


class _Stage(Enum):
    OPEN = "open"
    DECIDED = "decided"
    OVER = "over"


@dataclass
class StreamView:
    """One run as a reader sees it. Feed chunks and result parts in any order; it gives updates in the right one."""

    run_id: str

    def __post_init__(self) -> None:
        self._stage = _Stage.OPEN
        self._attempt: int | None = None
        self._next = 0
        self._held: dict[int, Chunk] = {}
        self._parts: dict[tuple[int | None, int], dict[int, Result]] = {}
        self._result: Result | None = None

    @property
    def is_over(self) -> bool:
        """Whether `Finished` was given."""
        return self._stage is _Stage.OVER

    @property
    def result(self) -> Result | None:
        """The result, as soon as all its parts are here."""
        return self._result

    def add_chunk(self, chunk: Chunk) -> list[Update]:
        """Takes a chunk."""
        if self._stage is _Stage.OVER:
            return []
        if self._result is not None and chunk.attempt != self._result.attempt:
            return []
        updates: list[Update] = []
        if self._attempt is None or chunk.attempt > self._attempt:
            updates += self._begin(chunk.attempt)
        elif chunk.attempt < self._attempt:
            return []
        if chunk.seq < self._next:
            return []
        self._held[chunk.seq] = chunk
        while (ready := self._held.pop(self._next, None)) is not None:
            self._next += 1
            if ready.kind not in ("start", "end"):
                updates.append(Piece(self.run_id, ready))
        return updates + self._finish_if_whole()

    def _begin(self, attempt: int) -> list[Update]:
        shown = self._attempt is not None and self._next > 0
        self._attempt = attempt
        self._next = 0
        self._held.clear()
        return [Reset(self.run_id, attempt)] if shown else []

    def add_result(self, part: Result) -> list[Update]:
        """Takes a result, or a part of one. A second result of the run is ignored: the first one decides."""
        if self._result is not None:
            return []
        # A worker may have died between its parts: those of two attempts are never mixed.
        parts = self._parts.setdefault((part.attempt, part.parts), {})
        parts[part.part] = part
        if len(parts) < part.parts:
            return []
        self._result = join_parts([parts[number] for number in sorted(parts)])
        self._parts.clear()
        self._stage = _Stage.DECIDED
        updates: list[Update] = []
        attempt = self._result.attempt
        if attempt is not None and self._attempt is not None and attempt != self._attempt:
            updates += self._begin(attempt)
        return updates + self._finish_if_whole()

    def _finish_if_whole(self) -> list[Update]:
        if self._result is None or self._stage is not _Stage.DECIDED:
            return []
        if self._result.status == "completed" and self._next < self._result.chunk_count:
            return []
        return self.give_up()

    def give_up(self) -> list[Update]:
        """Waits no longer for chunks that are missing: the result's own text is whole. Without a result, nothing."""
        if self._result is None or self._stage is _Stage.OVER:
            return []
        self._stage = _Stage.OVER
        return [Finished(self.run_id, self._result)]


def join_parts(parts: list[Result]) -> Result:
    """One result from its parts, in order."""
    if len(parts) == 1:
        return parts[0]
    texts = [part.text for part in parts if part.text is not None]
    reasonings = [part.reasoning for part in parts if part.reasoning is not None]
    calls: list[ResultToolCall] = []
    for piece in (call for part in parts for call in part.tool_calls or []):
        if calls and piece.continues:
            calls[-1] = calls[-1].model_copy(update={"arguments": calls[-1].arguments + piece.arguments})
        else:
            calls.append(piece)
    vectors = [vector for part in parts for vector in part.embeddings or []]
    return parts[0].model_copy(
        update={
            "text": "".join(texts) if texts else None,
            "reasoning": "".join(reasonings) if reasonings else None,
            "reasoning_parts": _reasoning(parts) or None,
            "embeddings": vectors or None,
            "tool_calls": calls or None,
            "part": 0,
            "parts": 1,
        }
    )


def _reasoning(parts: list[Result]) -> list[ResultReasoning]:
    joined: list[ResultReasoning] = []
    for piece in (piece for part in parts for piece in part.reasoning_parts or []):
        if joined and piece.continues:
            found = {
                name: value for name, value in piece.model_dump(exclude={"continues"}).items() if value is not None
            }
            update = {name: (getattr(joined[-1], name) or "") + value for name, value in found.items()}
            joined[-1] = joined[-1].model_copy(update=update)
        else:
            joined.append(piece)
    return joined
