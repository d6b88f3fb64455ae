"""Redis ledgers without Kafka: a test says itself what the journal and the usage topic hold."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import count

from streamproc.money.batches import Condition
from streamproc.money.caps import Caps
from streamproc.money.configured import configured_caps
from streamproc.money.ledger import Booked
from streamproc.money.ledger_redis import RedisLedger
from streamproc.money.scope import Spend
from streamproc.money.store_redis import RedisStore
from streamproc.money.view_redis import RedisView
from streamproc.settings.budgets import BudgetSettings, CapSettings
from tests.contract.harness.waiting import eventually

__all__ = ["ONE_CAP", "HandClock", "begun", "build", "running_ledger", "spend"]

ONE_CAP = configured_caps(BudgetSettings(caps=(CapSettings(scope="global", window="month", usd=100e-9, kill_at=1.0),)))
"""100 nano-dollars a month for all together."""

_NAMES = count(1)


class HandClock:
    """The time that a test says; sleeping is real, and short."""

    def __init__(self, now_ms: list[int] | None = None) -> None:
        self._now_ms = now_ms or [int(time.time() * 1000)]

    def pass_by(self, seconds: float) -> None:
        """Time passes."""
        self._now_ms[0] += int(seconds * 1000)

    def time(self) -> float:
        return self._now_ms[0] / 1000

    def monotonic(self) -> float:
        return self._now_ms[0] / 1000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.01))


def spend(usage_id: str, nanos: int) -> Spend:
    """A call that takes so many nano-dollars."""
    return Spend(usage_id, "acme", None, None, int(time.time() * 1000), nanos, 0)


def begun(url: str, clock: HandClock, caps: Caps = ONE_CAP, note_within_seconds: float = 10.0) -> RedisLedger:
    """A ledger that does not run yet."""
    changed: list[Condition] = []
    store = RedisStore(url, "test", 1.0)
    view = RedisView(store, caps, "UTC", clock, partial(_name, "name"), changed.append)
    return RedisLedger(view, note_within_seconds, clock)


def _name(kind: str) -> str:
    return f"{kind}-{next(_NAMES)}"


async def build(
    ledger: RedisLedger, open_calls: Sequence[Spend] = (), lines: Mapping[int, Sequence[Booked]] | None = None
) -> None:
    """Builds the view from what Kafka holds, as the upkeep does, without its wait."""
    await eventually(lambda: ledger.condition.state == "lost", lambda: ledger)
    build = _name("build")
    assert await ledger.view.order("build", ledger.condition.generation, build)
    await ledger.view.adopt_all(open_calls, build)
    for partition, booked in (lines or {}).items():
        await ledger.view.book_from(0, partition, booked, len(booked), build)
    assert await ledger.view.order("open", build)


@asynccontextmanager
async def running_ledger(ledger: RedisLedger) -> AsyncIterator[RedisLedger]:
    """Talks to Redis inside the block."""
    task = asyncio.create_task(ledger.run())
    try:
        yield ledger
    finally:
        task.cancel()
        await asyncio.wait([task])
        await ledger.view.close()
        if not task.cancelled():
            task.result()
