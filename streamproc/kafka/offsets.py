"""Offsets of one partition: which records are in hand, and up to where everything is finished.

The commit position is the lowest received and unfinished offset, else the highest received one + 1. It moves over
offsets that were *received*, never by counting: compaction, aborted records and transaction markers leave gaps.
"""

from collections import deque

__all__ = ["Offsets"]


class Offsets:
    """Pure bookkeeping of one partition and one claim. No I/O, no clock."""

    __slots__ = ("_done", "_next", "_open")

    def __init__(self, position: int) -> None:
        self._next = position
        self._open: deque[int] = deque()
        self._done: set[int] = set()

    def __repr__(self) -> str:
        return f"Offsets(position={self.position}, next={self._next}, unfinished={self.unfinished})"

    def track(self, offset: int) -> bool:
        """Takes a received offset; False when it was received before."""
        if offset < self._next:
            return False
        self._open.append(offset)
        self._next = offset + 1
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
