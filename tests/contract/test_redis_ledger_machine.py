"""The Redis ledger against the model that the memory ledger is held to."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from streamproc.money.caps import Caps
from streamproc.money.ledger import Booked
from streamproc.money.ledger_redis import RedisLedger
from streamproc.money.scope import Spend
from tests.contract.harness.redis_ledgers import HandClock, begun, build, running_ledger
from tests.servers.redis import Redis
from tests.unit.money.ledger_machine import LedgerMachine, Subject


class _InRedis:
    """A crash ends the process, and Redis is emptied with it."""

    def __init__(self, redis: Redis, now_ms: list[int]) -> None:
        self._redis = redis
        self._clock = HandClock(now_ms)
        self._running = AsyncExitStack()
        self.ledger: RedisLedger

    async def rebuild(self, caps: Caps, open_calls: Sequence[Spend], lines: Mapping[int, Sequence[Booked]]) -> None:
        await self.close()
        await asyncio.to_thread(self._redis.ask, "FLUSHALL")
        self.ledger = await self._running.enter_async_context(
            running_ledger(begun(self._redis.url, self._clock, caps, note_within_seconds=3600))
        )
        await build(self.ledger, open_calls, lines)

    async def close(self) -> None:
        await self._running.aclose()


@pytest.mark.timeout(300)
def test_what_the_redis_ledger_says_is_what_the_model_finds(redis: Redis) -> None:
    """Through reservations, crashes, rebuilds and ends of windows."""

    class Machine(LedgerMachine):
        def make_subject(self, now_ms: list[int]) -> Subject:
            return _InRedis(redis, now_ms)

    run_state_machine_as_test(
        Machine,
        settings=settings(max_examples=30, stateful_step_count=25, suppress_health_check=list(HealthCheck)),
    )
