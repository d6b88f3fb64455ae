"""A dispatch on two partitions, and work that ends when a test says so."""

import asyncio
from typing import Any

from streamproc.chain.permit import NotBefore
from streamproc.chain.plan import Plan
from streamproc.chain.run import Incoming, Run, Terminal
from streamproc.kafka.deferring import Bounds
from streamproc.kafka.dispatch import Dispatch
from streamproc.kafka.fairness import Fairness
from streamproc.kafka.metadata import CommitMetadata
from streamproc.kafka.shares import Shares
from streamproc.kafka.slots import Slots
from streamproc.records.identity import RunId
from streamproc.records.outgoing import Outgoing
from tests.fakes import FakeClock, MemoryTransactor, Seen, a_claim, a_run, an_assignment, eventually


def record(name: str) -> Outgoing:
    """A record with this value."""
    return Outgoing("results", None, name.encode(), ())


class FakeWork:
    """Work that ends when a test says so: `let` gives a run's outcome, by its offset."""

    def __init__(self) -> None:
        self.processing: dict[int, asyncio.Future[Terminal]] = {}
        self.order: list[int] = []
        self.abandoned: list[int] = []
        self.asked: list[int] = []
        self.held: dict[str, NotBefore] = {}
        self.renewals: dict[int, Plan] = {}

    def accept(self, incoming: Incoming) -> Run | Terminal:
        return Terminal(())

    def renew(self, run: Run) -> bool:
        """Gives those runs the plan that a test put into `renewals`, by offset."""
        plan = self.renewals.pop(run.offset, None)
        if plan is not None:
            run.follow(plan)
        return plan is not None

    def admit(self, run: Run) -> NotBefore | None:
        """Holds the runs of those tenants and models that a test put into `held`."""
        self.asked.append(run.offset)
        return self.held.get(run.tenant) or self.held.get(run.model)

    async def process(self, run: Run) -> Terminal:
        future: asyncio.Future[Terminal] = asyncio.get_running_loop().create_future()
        self.processing[run.offset] = future
        self.order.append(run.offset)
        try:
            return await future
        finally:
            del self.processing[run.offset]

    def expire(self, run: Run) -> Terminal:
        return Terminal((record(f"expired {run.offset}"),))

    def cancel(self, run: Run) -> Terminal:
        return Terminal((record(f"cancelled {run.offset}"),))

    def defer(self, run: Run) -> Terminal | None:
        return Terminal((record(f"deferred {run.offset}"),))

    def abandon(self, run: Run) -> tuple[Outgoing, ...]:
        self.abandoned.append(run.offset)
        return (record(f"abandoned {run.offset}"),)


class Rig:
    """A dispatch with two partitions that are READY."""

    def __init__(self, max_running: int = 2, routes: Shares | None = None, tenants: Shares | None = None) -> None:
        self.work = FakeWork()
        self.clock = FakeClock()
        self.freed = 0
        self.cancelled: set[RunId] = set()
        self.seen = Seen()
        self.slots = Slots(max_running, routes or Shares(1), tenants or Shares(1))
        self.weights: dict[str, float] = {}
        self.dispatch = Dispatch(
            self.work,
            self.clock,
            Fairness(self.slots, lambda tenant: self.weights.get(tenant, 1.0), frozenset()),
            self._count,
            lambda run: run.id in self.cancelled,
            Bounds(100, 10**6),
            self.seen,
        )
        self.owners = [an_assignment(number) for number in range(2)]
        for owner in self.owners:
            owner.claimed(a_claim(MemoryTransactor([]), 0, CommitMetadata(epoch=5)))
            for offset in range(20):
                owner.offsets.track(offset)

    def _count(self) -> None:
        self.freed += 1

    def put(self, offset: int, partition: int = 0, **fields: Any) -> Run:
        run = a_run(offset, **{"id": RunId("llm.requests", partition, offset, 1), **fields})
        self.dispatch.put(run, self.owners[partition])
        return run

    async def running(self, *offsets: int) -> None:
        wanted = (sorted(offsets), len(offsets))
        await eventually(lambda: (sorted(self.work.processing), self.dispatch.running) == wanted)

    def published(self, partition: int = 0) -> list[tuple[int | None, list[bytes | None]]]:
        """What the assignment is to publish: an offset or None, and the records."""
        return [
            (offset, [one.value for one in records])
            for offset, records in self.owners[partition]._unpublished.all().runs
        ]
