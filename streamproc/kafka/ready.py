"""Ready queues: validated runs that wait for a slot, one queue for each (route, tenant), served in rotation.

A run has to be admitted before it gets one; routes and tenants that are not stay where they are, and hold up nobody
else. Runs that may not start yet lie beside them, ordered by time, and take no place in the rotation. Pure: no
waiting, no clock of its own.
"""

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import count
from math import inf

from streamproc.chain.run import Run
from streamproc.kafka.route_queue import Admit, RouteQueue

__all__ = ["ReadyQueues"]


class ReadyQueues:
    """Every run put in comes out once: by `take`, `expired` or `remove`. Times are unix seconds."""

    def __init__(self) -> None:
        self._routes: OrderedDict[str, RouteQueue] = OrderedDict()
        self._later: list[tuple[float, int, Run]] = []
        self._ticket = count()
        self._earliest = inf  # no queued run has an earlier deadline
        self.ready = 0
        self.queued_bytes = 0

    def __repr__(self) -> str:
        return f"ReadyQueues(ready={self.ready}, waiting={self.waiting}, bytes={self.queued_bytes})"

    @property
    def waiting(self) -> int:
        """Runs that may not start yet."""
        return len(self._later)

    def put(self, run: Run, now: float) -> None:
        """Adds a run to the end of its queue, or beside the queues until its `not_before`."""
        self.queued_bytes += run.size_bytes
        self._earliest = min(self._earliest, run.deadline)
        if run.not_before > now:
            heapq.heappush(self._later, (run.not_before, next(self._ticket), run))
        else:
            self._append(run)

    def _append(self, run: Run) -> None:
        route = self._routes.get(run.route)
        if route is None:
            route = self._routes[run.route] = RouteQueue()
        route.put(run)
        self.ready += 1

    def release_due(self, now: float) -> None:
        """Moves runs whose time has come into their queues."""
        while self._later and self._later[0][0] <= now:
            self._append(heapq.heappop(self._later)[2])

    def wake(self, run: Run) -> bool:
        """Moves a run into its queue before its time; False when it does not wait here."""
        kept = [entry for entry in self._later if entry[2] is not run]
        if len(kept) == len(self._later):
            return False
        heapq.heapify(kept)
        self._later = kept
        self._append(run)
        return True

    def take(self, admit: Admit, now: float) -> Run | None:
        """The next run in rotation that is admitted. The rotation is over the routes, and in each over its tenants."""
        for name, route in list(self._routes.items()):
            run = route.take(admit, now)
            if run is not None:
                if route:
                    self._routes.move_to_end(name)
                else:
                    del self._routes[name]
                self.ready -= 1
                self.queued_bytes -= run.size_bytes
                return run
        return None

    def reopen(self, run: Run) -> None:
        """This run's call has ended: routes of its provider, and its tenant, may have room for another one."""
        for name, route in self._routes.items():
            if name.startswith(f"{run.provider.name}/"):
                route.reopen()
            route.let_in(run.tenant)

    def later(self) -> Iterator[Run]:
        """Runs that may not start yet, in no order."""
        return (run for _, _, run in self._later)

    def next_time(self, now: float) -> float | None:
        """When the next waiting run becomes due, or a route or a tenant that was held is to be asked again."""
        due = self._later[0][0] if self._later else inf
        held = min((route.next_time(now) for route in self._routes.values()), default=inf)
        return None if (soonest := min(due, held)) == inf else soonest

    def expired(self, now: float) -> list[Run]:
        """Takes out every run whose deadline has passed; looks at the runs only when one may have."""
        if now < self._earliest:
            return []
        gone = self.remove(lambda run: run.deadline <= now)
        self._earliest = min((run.deadline for run in self), default=inf)
        return gone

    def remove(self, is_gone: Callable[[Run], bool]) -> list[Run]:
        """Takes out every run of which this is true."""
        gone = [run for run in self if is_gone(run)]
        if gone:
            leaving = {id(run) for run in gone}
            for route in self._routes.values():
                route.keep(lambda run: id(run) not in leaving)
            self._later = [entry for entry in self._later if id(entry[2]) not in leaving]
            heapq.heapify(self._later)
            self.ready = sum(1 for route in self._routes.values() for _ in route)
            self.queued_bytes -= sum(run.size_bytes for run in gone)
        return gone

    def __iter__(self) -> Iterator[Run]:
        for route in self._routes.values():
            yield from route
        yield from self.later()
