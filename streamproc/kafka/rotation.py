"""The rotation: who is next, when each has turns by its weight. Pure.

Self-clocked fair queueing (S. J. Golestani, INFOCOM 1994), each turn of the same size: a turn ends, in a time of its
own, 1/weight after the one before, the soonest end is served, and that end is what the time is. Whoever comes has its
first turn one such step after the time that is. So nobody saves up turns while it is away, and nobody that is here is
passed by for ever, however many new ones come.
"""

from collections.abc import Callable

from streamproc.kafka.timetable import Timetable

__all__ = ["Rotation", "evenly"]


def evenly(name: str) -> float:
    """The weight of each where all are alike."""
    del name
    return 1.0


class Rotation:
    """Names in turn; each is here once. A step costs log n."""

    __slots__ = ("_aside", "_now", "_turns", "_weight_of")

    def __init__(self, weight_of: Callable[[str], float]) -> None:
        """`weight_of` gives a weight above zero."""
        self._weight_of = weight_of
        self._turns: Timetable[str] = Timetable()
        self._aside: dict[str, float] = {}
        self._now = 0.0

    def join(self, name: str) -> None:
        """Comes to its end, as one that was never here."""
        self._turns.put(name, self._now + 1 / self._weight_of(name))

    def first(self) -> str | None:
        """Who is next; None when nobody is."""
        return self._turns.first()

    def serve(self, name: str, *, stays: bool) -> None:
        """Gives this one, whom `first` has named, its turn."""
        self._now = at = self._turns.take_first()  # none comes in, or comes back, at a time that is over
        if stays:
            self._turns.put(name, at + 1 / self._weight_of(name))

    def leave(self, name: str) -> None:
        """Goes, be it from the rotation or from beside it."""
        self._turns.discard(name)
        self._aside.pop(name, None)

    def step_aside(self, name: str) -> None:
        """Cannot take its turn, and holds up nobody meanwhile."""
        at = self._turns.discard(name)
        if at is not None:
            self._aside[name] = at

    def come_back(self, name: str) -> None:
        """Takes the turn that it could not take; of those that it missed meanwhile it gets none."""
        at = self._aside.pop(name, None)
        if at is not None:
            self._turns.put(name, max(at, self._now))
