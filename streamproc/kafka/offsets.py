"""Offsets of one partition: which records are in hand, and up to where everything is finished.

The commit position is the lowest received and unfinished offset, else the highest received one + 1. It moves over
offsets that were *received*, never by counting: compaction, aborted records and transaction markers leave gaps.
"""

from collections import deque
from collections.abc import Iterable

__all__ = ["Offsets"]


class Offsets:
    """Pure bookkeeping of one partition and one claim. No I/O, no clock."""

    __slots__ = ("_done", "_inherited", "_next", "_open")

    def __init__(self, position: int, done: Iterable[int] = ()) -> None:
        """Begins at `position`; `done` are offsets above it that a former owner finished."""
        self._next = position
        self._inherited = set(done)
        self._open: deque[int] = deque()
        self._done: set[int] = set()

    def __repr__(self) -> str:
        return f"Offsets(position={self.position}, next={self._next}, unfinished={self.unfinished})"

    def track(self, offset: int) -> bool:
        """Takes a received offset; False when there is nothing to do for it: received before, or finished before."""
        if offset < self._next:
            return False
        self._open.append(offset)
        self._next = offset + 1
        if offset in self._inherited:
            self._inherited.discard(offset)
            self.finish(offset)
            return False
        return True

    def finish(self, offset: int) -> None:
        """Marks a received offset as finished; any order, twice does no harm.

        Raises:
            ValueError: the offset was never received.
        """
        if offset >= self._next:
            raise ValueError(f"offset {offset} was never received, the next one is {self._next}")
        if offset < self.position:
            return
        self._done.add(offset)
        while self._open and self._open[0] in self._done:
            self._done.remove(self._open.popleft())

    @property
    def position(self) -> int:
        """Where a new owner would have to start."""
        return self._open[0] if self._open else self._next

    @property
    def done(self) -> frozenset[int]:
        """Finished offsets above the position, received in this claim or inherited."""
        return frozenset(self._done | {offset for offset in self._inherited if offset > self.position})

    @property
    def next(self) -> int:
        """The offset that is expected next."""
        return self._next

    @property
    def span(self) -> int:
        """Distance from the commit position to the next offset: what a crash now would do again, at most."""
        return self._next - self.position

    @property
    def unfinished(self) -> int:
        """How many received offsets are not finished."""
        return len(self._open) - len(self._done)
