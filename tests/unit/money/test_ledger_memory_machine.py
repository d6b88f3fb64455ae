"""The memory ledger against the model."""

from collections.abc import Mapping, Sequence

from hypothesis import settings

from streamproc.money.caps import Caps
from streamproc.money.ledger import Booked
from streamproc.money.ledger_memory import MemoryLedger
from streamproc.money.scope import Spend
from tests.examples import examples
from tests.unit.money.ledger_machine import LedgerMachine, Subject


class _Memory:
    def __init__(self, now_ms: list[int]) -> None:
        self._now = now_ms
        self.ledger: MemoryLedger

    async def rebuild(self, caps: Caps, open_calls: Sequence[Spend], lines: Mapping[int, Sequence[Booked]]) -> None:
        self.ledger = MemoryLedger(caps, lambda: self._now[0], lambda _: None)
        await self.ledger.adopt(open_calls)
        for partition, booked in lines.items():
            await self.ledger.book(partition, booked, len(booked))
        self.ledger.open()

    async def close(self) -> None:
        pass


class MemoryLedgerMachine(LedgerMachine):
    def make_subject(self, now_ms: list[int]) -> Subject:
        return _Memory(now_ms)


TestMemoryLedger = MemoryLedgerMachine.TestCase
TestMemoryLedger.settings = settings(examples(200), stateful_step_count=40)
