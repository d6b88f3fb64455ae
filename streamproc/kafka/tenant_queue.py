"""The queue of one tenant on one route: higher priorities first, in each the order in which runs came. Pure.

Of eight runs that leave one after the other, at least one is the one that has waited longest, whatever its priority:
so a run with n older ones before it is among the next 8 (n + 1), however many come that are more urgent.
"""

from collections import OrderedDict
from itertools import count

from streamproc.chain.run import Run

__all__ = ["TenantQueue"]

_MOST_OVERTAKINGS = 7


class TenantQueue:
    """Runs that are ready. A step costs the number of priorities at most."""

    __slots__ = ("_levels", "_overtakings", "_ticket")

    def __init__(self) -> None:
        self._levels: dict[int, OrderedDict[Run, int]] = {}
        self._ticket = count()
        self._overtakings = 0

    def __bool__(self) -> bool:
        return bool(self._levels)

    def put(self, run: Run) -> None:
        """Adds a run behind all others of its priority."""
        self._levels.setdefault(run.priority, OrderedDict())[run] = next(self._ticket)

    def first(self) -> Run:
        """The run whose turn it is; there is one."""
        level = self._levels[self._next_priority()]
        return next(iter(level))

    def take(self) -> Run:
        """Takes it out."""
        run = self.first()
        self._overtakings = 0 if run.priority == self._oldest() else self._overtakings + 1
        self.discard(run)
        return run

    def discard(self, run: Run) -> None:
        """Takes out a run that is here."""
        level = self._levels[run.priority]
        del level[run]
        if not level:
            del self._levels[run.priority]

    def _next_priority(self) -> int:
        return self._oldest() if self._overtakings >= _MOST_OVERTAKINGS else max(self._levels)

    def _oldest(self) -> int:
        """The priority of the run that has waited longest."""
        if len(self._levels) == 1:
            return next(iter(self._levels))
        return min(self._levels, key=lambda priority: next(iter(self._levels[priority].values())))
