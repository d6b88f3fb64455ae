"""Ready queues: validated runs that wait for a slot, one queue for each (route, tenant), served in rotation.

A run has to be admitted before it gets one; routes and tenants that are not stay where they are, and hold up nobody
else. Runs that may not start yet lie beside them, ordered by time, and take no place in the rotation. Pure: no
waiting, no clock of its own. Only `expired` and `remove` look at all runs; no other step slows with their number.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from math import inf

from streamproc.chain.run import Run
from streamproc.kafka.rotation import evenly
from streamproc.kafka.route_queue import Admit, RouteQueue
from streamproc.kafka.timetable import Timetable

__all__ = ["ReadyQueues"]


class ReadyQueues:
    """Every run put in comes out once: by `take`, `expired` or `remove`. Times are unix seconds."""

    def __init__(self, weight_of: Callable[[str], float] = evenly) -> None:
        """`weight_of` gives how many turns a tenant has, beside the others of its route."""
        self._weight_of = weight_of
        self._routes: OrderedDict[str, RouteQueue] = OrderedDict()
        self._later: Timetable[Run] = Timetable()
        self._places: dict[Run, str | None] = {}  # each run's route, None as long as it may not start
        self._empty: dict[str, RouteQueue] = {}  # routes without a run, to be used again
        self._earliest = inf  # no run has an earlier deadline
        self.queued_bytes = 0
        self.aside: list[Run] = []

    def __repr__(self) -> str:
        return f"ReadyQueues(ready={self.ready}, waiting={self.waiting}, bytes={self.queued_bytes})"

    def __iter__(self) -> Iterator[Run]:
        return iter(self._places)

    @property
    def ready(self) -> int:
        """Runs that wait for a slot alone."""
        return len(self._places) - len(self._later)

    @property
    def waiting(self) -> int:
        """Runs that may not start yet."""
        return len(self._later)

    def put(self, run: Run, now: float, *, is_behind: bool = False) -> None:
        """Adds a run to its queue, or beside the queues until its `not_before`.

        One that `is_behind` another lies there until it is woken.
        """
        self.queued_bytes += run.size_bytes
        self._earliest = min(self._earliest, run.deadline)
        if is_behind or run.not_before > now:
            self._places[run] = None
            self._later.put(run, inf if is_behind else run.not_before)
        else:
            self._append(run)

    def _append(self, run: Run) -> None:
        name = self._places[run] = run.route
        route = self._routes.get(name)
        if route is None:
            route = self._empty.pop(name) if name in self._empty else RouteQueue(self._weight_of, run.plan.providers)
            self._routes[name] = route
        route.put(run)

    def release_due(self, now: float) -> None:
        """Moves runs whose time has come into their queues."""
        if self._later:
            for run in self._later.take_due(now):
                self._append(run)

    def wake(self, run: Run, now: float) -> bool:
        """Has a run that lies beside the queues look at its `not_before` once more; False when it does not lie here."""
        if run not in self._later:
            return False
        if run.not_before > now:
            self._later.put(run, run.not_before)
        else:
            self._later.discard(run)
            self._append(run)
        return True

    def take(self, admit: Admit, now: float) -> Run | None:
        """The next run in rotation that is admitted. The rotation is over the routes, and in each over its tenants.

        Runs that turn out to belong elsewhere are in `aside` then, for the caller to take.
        """
        for name, route in list(self._routes.items()):
            known = len(self.aside)
            run = route.take(admit, now, self.aside)
            for gone in self.aside[known:]:
                self._forget(gone)
            if run is not None:
                self._routes.move_to_end(name)
                self._forget(run)
            self._close_if_empty(name)
            if run is not None:
                return run
        return None

    def _forget(self, run: Run) -> None:
        del self._places[run]
        self.queued_bytes -= run.size_bytes

    def _close_if_empty(self, name: str) -> None:
        if not self._routes[name]:
            self._empty[name] = self._routes.pop(name)

    def reopen(self, run: Run) -> None:
        """This run's calls have ended: routes of its providers, and its tenant, may have room for another one."""
        for route in self._routes.values():
            if not route.providers.isdisjoint(run.plan.providers):
                # Tokens, too: whoever stands behind in a line must not wait for one that sleeps though there is room.
                route.reopen("concurrency", "tokens_in_flight", "tokens")
            route.let_in(run.tenant)
            route.slot_freed()

    def later(self) -> Iterator[Run]:
        """Runs that may not start yet, in no order."""
        return iter(self._later)

    def next_time(self, now: float) -> float | None:
        """When the next waiting run becomes due, or a route or a tenant that was held is to be asked again."""
        held = min((route.next_time(now) for route in self._routes.values()), default=inf)
        return None if (soonest := min(self._later.first_time(), held)) == inf else soonest

    def expired(self, now: float) -> list[Run]:
        """Takes out every run whose deadline has passed; looks at the runs only when one may have."""
        if now < self._earliest:
            return []
        gone = self.remove(lambda run: run.deadline <= now)
        self._earliest = min((run.deadline for run in self), default=inf)
        return gone

    def remove(self, is_gone: Callable[[Run], bool]) -> list[Run]:
        """Takes out every run of which this is true; it looks at all of them."""
        gone = [run for run in self._places if is_gone(run)]
        for run in gone:
            self.discard(run)
        return gone

    def discard(self, run: Run) -> None:
        """Takes out a run that is here."""
        name = self._places[run]
        if name is None:
            self._later.discard(run)
        else:
            self._routes[name].discard(run)
            self._close_if_empty(name)
        self._forget(run)
