"""The queue of one route: its tenants in rotation, each with its runs in order. Pure.

A route that may not call now is held as a whole, and its first run stays first: whoever came first is served first,
and no small request overtakes a large one for ever. A tenant held by its own limit leaves the rotation meanwhile.
"""

import heapq
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from math import inf

from streamproc.chain.permit import NotBefore
from streamproc.chain.run import Run

__all__ = ["Admit", "RouteQueue"]

Admit = Callable[[Run], NotBefore | None]
"""Asks whether a run may have a slot now; None: it may, and what it needs for that it has."""


class RouteQueue:
    """Runs that are ready. `held_until` is when the route is asked again, in unix seconds."""

    __slots__ = ("_held", "_is_full", "_queues", "_times", "held_until")

    def __init__(self) -> None:
        self._queues: OrderedDict[str, deque[Run]] = OrderedDict()
        self._held: dict[str, deque[Run]] = {}
        self._times: list[tuple[float, str]] = []  # when held tenants are asked again; some may be back already
        self._is_full = False
        self.held_until = -inf

    def __bool__(self) -> bool:
        return bool(self._queues or self._held)

    def __iter__(self) -> Iterator[Run]:
        for queues in (self._queues, self._held):
            for queue in queues.values():
                yield from queue

    def put(self, run: Run) -> None:
        """Adds a run to the end of its tenant's queue."""
        queues = self._held if run.tenant in self._held else self._queues
        queues.setdefault(run.tenant, deque()).append(run)

    def take(self, admit: Admit, now: float) -> Run | None:
        """The first run of the next tenant in rotation that may have a slot."""
        if now < self.held_until:
            return None
        while self._times and self._times[0][0] <= now:
            self.let_in(heapq.heappop(self._times)[1])
        while self._queues:
            tenant, queue = next(iter(self._queues.items()))
            verdict = admit(queue[0])
            if verdict is None:
                run = queue.popleft()
                if queue:
                    self._queues.move_to_end(tenant)
                else:
                    del self._queues[tenant]
                return run
            if not verdict.is_tenant:
                self.held_until = now + verdict.seconds
                self._is_full = verdict.reason == "concurrency"
                return None
            self._held[tenant] = self._queues.pop(tenant)
            heapq.heappush(self._times, (now + verdict.seconds, tenant))
        return None

    def reopen(self) -> None:
        """A call of the provider has ended: if there were too many, there is room now."""
        if self._is_full:
            self._is_full = False
            self.held_until = -inf

    def let_in(self, tenant: str) -> None:
        """A held tenant is asked again in its turn."""
        queue = self._held.pop(tenant, None)
        if queue is not None:
            self._queues[tenant] = queue

    def next_time(self, now: float) -> float:
        """When something held is to be asked again; infinite when nothing is."""
        if now < self.held_until:
            return self.held_until if self else inf
        return next((at for at, _ in self._times[:1] if at > now), inf)

    def keep(self, is_kept: Callable[[Run], bool]) -> None:
        """Lets go of every run of which this is not true; the others keep their places."""
        for queues in (self._queues, self._held):
            for tenant, queue in list(queues.items()):
                kept = deque(run for run in queue if is_kept(run))
                if kept:
                    queues[tenant] = kept
                else:
                    del queues[tenant]
