"""The timetable: things in the order of a number, most often a time. Pure.

Whatever leaves it before its turn stays in the heap as a dead entry, so that nobody has to look for it there.
"""

import heapq
from collections.abc import Hashable, Iterator
from itertools import count
from math import inf
from typing import Generic, TypeVar

__all__ = ["Timetable"]

_T = TypeVar("_T", bound=Hashable)

_SPARE = 64


class Timetable(Generic[_T]):
    """Each thing is in it once; of those at one time the first that came is the first. A step costs log n at most."""

    __slots__ = ("_entries", "_heap", "_ticket")

    def __init__(self) -> None:
        self._entries: dict[_T, tuple[float, int, _T]] = {}
        self._heap: list[tuple[float, int, _T]] = []
        self._ticket = count()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, thing: _T) -> bool:
        return thing in self._entries

    def __iter__(self) -> Iterator[_T]:
        return iter(self._entries)

    def put(self, thing: _T, at: float) -> None:
        """Adds a thing, or moves it behind all others of its new time."""
        entry = self._entries[thing] = (at, next(self._ticket), thing)
        heapq.heappush(self._heap, entry)
        if len(self._heap) > 2 * len(self._entries) + _SPARE:
            self._heap = list(self._entries.values())
            heapq.heapify(self._heap)

    def discard(self, thing: _T) -> float | None:
        """Takes a thing out and gives its time; None when it is not here."""
        entry = self._entries.pop(thing, None)
        return None if entry is None else entry[0]

    def first(self) -> _T | None:
        """The soonest thing; None when there is none."""
        heap = self._heap
        while heap:
            thing = heap[0][2]
            if self._entries.get(thing) is heap[0]:
                return thing
            heapq.heappop(heap)
        return None

    def first_time(self) -> float:
        """Its time; infinite when there is none."""
        return inf if self.first() is None else self._heap[0][0]

    def take_first(self) -> float:
        """Takes out the soonest thing, which is the one that `first` has given, and gives its time."""
        at, _, thing = heapq.heappop(self._heap)
        del self._entries[thing]
        return at

    def take_due(self, now: float) -> Iterator[_T]:
        """Takes out, one by one, what has its time at `now` or before."""
        while (thing := self.first()) is not None and self._heap[0][0] <= now:
            self.take_first()
            yield thing
