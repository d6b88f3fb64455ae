"""The queue of one route: its tenants in rotation by their weights, each with its runs in order. Pure.

A route that may not call now is held as a whole, and its first run stays first: whoever came first is served first,
and no small request overtakes a large one for ever. A tenant held by its own limit leaves the rotation meanwhile.
"""

from collections.abc import Callable
from math import inf

from streamproc.chain.limits import HoldReason
from streamproc.chain.permit import NotBefore
from streamproc.chain.run import Run
from streamproc.kafka.rotation import Rotation
from streamproc.kafka.tenant_queue import TenantQueue
from streamproc.kafka.timetable import Timetable

__all__ = ["ELSEWHERE", "Admit", "RouteQueue"]

ELSEWHERE = NotBefore(0.0, "share", is_tenant=False)
"""The verdict, known by its identity, on a run that has to leave the queue: it waits for something else now."""

Admit = Callable[[Run], NotBefore | None]
"""Asks whether a run may have a slot now; None: it may, and what it needs for that it has."""


class RouteQueue:
    """Runs that are ready. `held_until` is when the route is asked again, in unix seconds; without runs it is not.

    `providers` are those of its runs, which all have the same choices.
    """

    __slots__ = ("_held", "_held_by", "_queues", "_rotation", "_short", "held_until", "providers")

    def __init__(self, weight_of: Callable[[str], float], providers: frozenset[str]) -> None:
        """`weight_of` gives the weight of a tenant."""
        self.providers = providers
        self._queues: dict[str, TenantQueue] = {}
        self._rotation = Rotation(weight_of)
        self._held: Timetable[str] = Timetable()  # tenants, and when they are asked again
        self._short: set[str] = set()  # those of them that have their share of the slots
        self._held_by: HoldReason | None = None
        self.held_until = -inf

    def __bool__(self) -> bool:
        return bool(self._queues)

    def put(self, run: Run) -> None:
        """Adds a run to its tenant's queue."""
        queue = self._queues.get(run.tenant)
        if queue is None:
            queue = self._queues[run.tenant] = TenantQueue()
            self._rotation.join(run.tenant)
        queue.put(run)

    def discard(self, run: Run) -> None:
        """Takes out a run that is here; the others keep their places."""
        queue = self._queues[run.tenant]
        queue.discard(run)
        if not queue:
            self._rotation.leave(run.tenant)
            self._forget(run.tenant)

    def take(self, admit: Admit, now: float, aside: list[Run]) -> Run | None:
        """The first run of the next tenant in rotation that may have a slot.

        Those that belong elsewhere by now are taken out, and put into `aside`; that is no turn of theirs.
        """
        if now < self.held_until:
            return None
        if self._held:
            for held in self._held.take_due(now):
                self._rotation.come_back(held)
        while (tenant := self._rotation.first()) is not None:
            queue = self._queues[tenant]
            first = queue.first()
            verdict = admit(first)
            if verdict is ELSEWHERE:
                aside.append(first)
                self.discard(first)
                continue
            if verdict is None:
                run = queue.take()
                self._rotation.serve(tenant, stays=bool(queue))
                if not queue:
                    self._forget(tenant)
                return run
            if not verdict.is_tenant:
                self.held_until = now + verdict.seconds
                self._held_by = verdict.reason
                return None
            self._rotation.step_aside(tenant)
            self._held.put(tenant, now + verdict.seconds)
            if verdict.reason == "share":
                self._short.add(tenant)
        return None

    def _forget(self, tenant: str) -> None:
        del self._queues[tenant]
        self._held.discard(tenant)
        self._short.discard(tenant)
        if not self._queues:
            self.held_until = -inf

    def reopen(self, *reasons: HoldReason) -> None:
        """What the route was held for may be over, if it was one of these."""
        if self._held_by in reasons:
            self._held_by = None
            self.held_until = -inf

    def let_in(self, tenant: str) -> None:
        """A held tenant is asked again in its turn."""
        self._held.discard(tenant)
        self._rotation.come_back(tenant)

    def slot_freed(self) -> None:
        """Shares of the slots, the route's and those of tenants, may have grown."""
        self.reopen("share")
        while self._short:
            self.let_in(self._short.pop())

    def next_time(self, now: float) -> float:
        """When something held is to be asked again; infinite when nothing is."""
        if now < self.held_until:
            return self.held_until
        return at if (at := self._held.first_time()) > now else inf
