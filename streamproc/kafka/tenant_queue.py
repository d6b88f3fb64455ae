"""The queue of one tenant on one route: higher priorities first, in each the order in which runs came. Pure.

Of eight runs that leave one after the other, at least one is the one that has waited longest, whatever its priority:
so a run with n older ones before it is among the next 8 (n + 1), however many come that are more urgent.
"""

from collections import OrderedDict

from streamproc.chain.run import Run

__all__ = ["TenantQueue"]

_MOST_OVERTAKINGS = 7


class TenantQueue:
    """Runs that are ready. A step costs the number of priorities at most."""

    __slots__ = ("_came", "_levels", "_overtakings")

    def __init__(self) -> None:
        self._levels: dict[int, OrderedDict[Run, int]] = {}  # each run with its number in the order of arrival
        self._came = 0
        self._overtakings = 0

    def __bool__(self) -> bool:
        return bool(self._levels)

    def put(self, run: Run) -> None:
        """Adds a run behind all others of its priority."""
        priority = run.priority
        level = self._levels.get(priority)
        if level is None:
            level = self._levels[priority] = OrderedDict()
        level[run] = self._came
        self._came += 1

    def first(self) -> Run:
        """The run whose turn it is; there is one."""
        return next(iter(self._levels[self._next_priority()]))

    def take(self) -> Run:
        """Takes it out."""
        priority = self._next_priority()
        self._overtakings = 0 if priority == self._oldest() else self._overtakings + 1
        run, _ = self._levels[priority].popitem(last=False)
        self._drop_if_empty(priority)
        return run

    def discard(self, run: Run) -> None:
        """Takes out a run that is here."""
        del self._levels[run.priority][run]
        self._drop_if_empty(run.priority)

    def _drop_if_empty(self, priority: int) -> None:
        if not self._levels[priority]:
            del self._levels[priority]

    def _next_priority(self) -> int:
        return self._oldest() if self._overtakings >= _MOST_OVERTAKINGS else max(self._levels)

    def _oldest(self) -> int:
        """The priority of the run that has waited longest."""
        if len(self._levels) == 1:
            return next(iter(self._levels))
        return min(self._levels, key=lambda priority: next(iter(self._levels[priority].values())))
