"""What a reader of committed records may see of one partition: open and aborted transactions."""

from bisect import bisect_left
from operator import attrgetter
from typing import NamedTuple

__all__ = ["Aborted", "Isolation"]


class Aborted(NamedTuple):
    """A transaction whose records a reader has to skip; `last_offset` is its marker's."""

    producer_id: int
    first_offset: int
    last_offset: int


class Isolation:
    """First offsets of the open transactions, and the aborted ones that are still in the log."""

    def __init__(self) -> None:
        # Offsets only grow, so the first one in the dictionary is the smallest.
        self._open: dict[int, int] = {}
        self._aborted: list[Aborted] = []

    def is_open(self, producer_id: int) -> bool:
        """Whether this producer has records here in a transaction that has not ended."""
        return producer_id in self._open

    def begin(self, producer_id: int, offset: int) -> None:
        """A transactional batch was appended; only the first of a transaction counts."""
        self._open.setdefault(producer_id, offset)

    def end(self, producer_id: int, marker_offset: int, *, commit: bool) -> None:
        """A marker was appended; one for a producer without records here changes nothing."""
        first = self._open.pop(producer_id, None)
        if first is not None and not commit:
            self._aborted.append(Aborted(producer_id, first, marker_offset))

    def stable(self, end: int) -> int:
        """Last stable offset of a log with this end: all below belongs to no open transaction."""
        return next(iter(self._open.values()), end)

    def aborted(self, start: int, stop: int) -> list[Aborted]:
        """Aborted transactions with records in a range of offsets, by the offsets of their markers."""
        behind = bisect_left(self._aborted, start, key=attrgetter("last_offset"))
        return [aborted for aborted in self._aborted[behind:] if aborted.first_offset < stop]

    def forget_before(self, start: int) -> None:
        """The log begins here now."""
        del self._aborted[: bisect_left(self._aborted, start, key=attrgetter("last_offset"))]
