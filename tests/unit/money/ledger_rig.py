"""A memory ledger with a cap, and calls that ask it."""

from typing import Any

from streamproc.money.ledger import Crossed
from streamproc.money.ledger_memory import MemoryLedger
from streamproc.money.room import Room
from streamproc.money.scope import Spend
from streamproc.money.verdict import Held, Reserved
from tests.unit.money.test_caps import NOW_MS, a_spend, caps, day

__all__ = ["LedgerRig", "tell"]


class LedgerRig:
    """A ledger with a cap of 100 nano-dollars a day for each tenant."""

    def __init__(self, *more: dict[str, Any], **budgets: Any) -> None:
        self.now_ms = NOW_MS
        self.crossed: list[Crossed] = []
        found = caps(day("tenant=*", 100e-9), *more, **{"kill_at": 1.0, **budgets})
        self.ledger = MemoryLedger(found, lambda: self.now_ms, self.crossed.append)
        self.ledger.open()
        self._count = 0

    def call(self, nanos: int, **fields: Any) -> Spend:
        """A call with an id of its own."""
        self._count += 1
        return a_spend(usage_id=f"r{self._count}/1/1", at_ms=self.now_ms, nanos=nanos, **fields)

    async def reserved(self, nanos: int, **fields: Any) -> Spend:
        """A call that was let begin."""
        spend = self.call(nanos, **fields)
        assert await self.ledger.reserve(spend) == Reserved()
        return spend

    async def held(self, nanos: int) -> list[int]:
        """A call that waits; the list grows by its amount when it is woken."""
        woken: list[int] = []
        verdict = await self.ledger.reserve(self.call(nanos))
        assert isinstance(verdict, Held)
        assert verdict.room is not None
        tell(verdict.room, woken, nanos)
        return woken


def tell(room: Room, woken: list[int], what: int) -> None:
    """The list grows when the room opens."""

    def told() -> bool:
        woken.append(what)
        return True

    room.then(told)
