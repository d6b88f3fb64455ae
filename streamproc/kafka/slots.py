"""Slots: how many runs go on at a time, and who may have the next one. Pure."""

from typing import NamedTuple

from streamproc.chain.permit import NotBefore
from streamproc.chain.run import Run
from streamproc.kafka.shares import Shares

__all__ = ["Seat", "Slots"]

_PATIENCE_SECONDS = 1.0
"""Each end of a run has those asked again that wait for their share; this is for the case that none ends."""

_ROUTE_IS_FULL = NotBefore(_PATIENCE_SECONDS, "share", is_tenant=False)
_TENANT_IS_FULL = NotBefore(_PATIENCE_SECONDS, "share", is_tenant=True)


class Seat(NamedTuple):
    """A slot that a run has, counted for these: its plan may be another one when it gives the slot back.

    What the cache answers counts for its model, too: a follower has its slot for as long as the call that it follows.
    """

    route: str
    tenant: str


class Slots:
    """Counts seats; `taken` never exceeds `most`."""

    def __init__(self, most: int, routes: Shares, tenants: Shares) -> None:
        """`routes` and `tenants` bound what each of them may have of these slots."""
        self._most = most
        self._routes = routes
        self._tenants = tenants
        self.taken = 0

    @property
    def free(self) -> int:
        """How many nobody has."""
        return self._most - self.taken

    def expect(self, run: Run) -> None:
        """A run came that will want a slot."""
        self._routes.expect(run.plan.queue)
        self._tenants.expect(run.tenant)

    def hold(self, run: Run) -> NotBefore | None:
        """Why a run may have no slot, though one is free."""
        if self._routes.is_full(run.plan.queue, self.free):
            return _ROUTE_IS_FULL
        return _TENANT_IS_FULL if self._tenants.is_full(run.tenant, self.free) else None

    def take(self, run: Run) -> Seat:
        """A run takes a slot; there is one."""
        seat = Seat(run.plan.queue, run.tenant)
        self.taken += 1
        self._routes.enter(seat.route)
        self._tenants.enter(seat.tenant)
        return seat

    def give_back(self, seat: Seat) -> None:
        """It leaves it."""
        self.taken -= 1
        self._routes.leave(seat.route)
        self._tenants.leave(seat.tenant)
