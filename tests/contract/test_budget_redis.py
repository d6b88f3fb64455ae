"""P4 with many workers: they share one ledger in Redis, and no cap is passed, whatever becomes of that Redis."""

import asyncio
import re
from contextlib import AsyncExitStack
from functools import partial
from itertools import count
from typing import Any

from streamproc.money.configured import configured_caps
from streamproc.money.ledger_redis import RedisLedger
from streamproc.money.scope import Spend
from streamproc.money.store_redis import RedisStore
from streamproc.money.verdict import Reserved
from streamproc.money.view_redis import RedisView
from streamproc.observe.events import BudgetHeld, LedgerChanged
from streamproc.system_clock import SystemClock
from tests.contract.harness.member import Member, running_member
from tests.contract.harness.redis_ledgers import running_ledger
from tests.contract.harness.stage import Stage, staged
from tests.contract.harness.waiting import eventually
from tests.contract.test_budget import MODEL, MOST_OUTPUT, WORST_USD, billed_nanos, budgets, priced
from tests.servers.redis import Redis

ASKED: dict[str, Any] = {"tenant": "acme", "max_output_tokens": MOST_OUTPUT}


def shared(redis: Redis, usd: float, **fields: Any) -> dict[str, Any]:
    """One cap, in a ledger that all workers share."""
    own = {"ledger": "redis", "redis_url": redis.url, "note_within_seconds": 1.0, "redis_timeout_seconds": 1.0}
    return budgets(usd, **{**own, **fields})


async def members(stack: AsyncExitStack, stage: Stage, count: int) -> list[Member]:
    """So many workers of the group."""
    return [await stack.enter_async_context(running_member(stage.settings)) for _ in range(count)]


async def ask_many(stage: Stage, count: int) -> list[Any]:
    """So many requests of one tenant, on all partitions."""
    requests = [stage.request(MODEL, **ASKED) for _ in range(count)]
    return list(await stage.ask_many((number % 4, request) for number, request in enumerate(requests)))


async def test_a_thousand_at_three_workers_do_not_pass_a_cap(bootstrap: str, topic_prefix: str, redis: Redis) -> None:
    """Each would fit alone; at most 5 % of the cap are left over, because answers are 30 % of what they may be."""
    cap_usd = 0.006
    async with (
        staged(bootstrap, topic_prefix, MODEL, provider=priced(MODEL), budgets=shared(redis, cap_usd)) as stage,
        AsyncExitStack() as stack,
    ):
        runs = await ask_many(stage, 1000)
        await members(stack, stage, 3)
        results = [await stage.outputs.result(run) for run in runs]
        statuses = [result.status for result in results]
        assert statuses.count("completed") + statuses.count("rejected") == len(runs)
        assert 0.95 * cap_usd * 1e9 <= billed_nanos(stage) <= cap_usd * 1e9


async def test_a_call_takes_two_round_trips_to_redis_at_most(bootstrap: str, topic_prefix: str, redis: Redis) -> None:
    """In the mean, all that the worker says to Redis counted: reservations and ends of calls share their trips."""
    async with (
        staged(bootstrap, topic_prefix, MODEL, provider=priced(MODEL), budgets=shared(redis, 1.0)) as stage,
        running_member(stage.settings) as member,
    ):
        await eventually(lambda: member.worker.readiness() is None, member.worker.readiness)
        redis.ask("CONFIG", "RESETSTAT")
        runs = await ask_many(stage, 200)
        assert {(await stage.outputs.result(run)).status for run in runs} == {"completed"}
        told = await asyncio.to_thread(redis.ask, "INFO", "commandstats")
    trips = sum(map(int, re.findall(r"cmdstat_(?:evalsha|eval|hscan):calls=(\d+)", told)))
    assert 0 < trips <= 2 * len(runs)


async def test_runs_wait_while_redis_is_lost_and_none_fails(bootstrap: str, topic_prefix: str, redis: Redis) -> None:
    """Away at the start, emptied in the middle, killed: each time the workers go on when the view is built anew."""
    async with (
        staged(bootstrap, topic_prefix, MODEL, provider=priced(MODEL), budgets=shared(redis, 1.0)) as stage,
        AsyncExitStack() as stack,
    ):
        redis.kill()
        runs = await ask_many(stage, 20)
        workers = await members(stack, stage, 2)
        await eventually(lambda: any(held.why == "away" for held in workers[0].all(BudgetHeld)))
        await eventually(lambda: "ledger of the budgets is away" in (workers[0].worker.readiness() or ""))
        await asyncio.to_thread(redis.start)
        assert {(await stage.outputs.result(run)).status for run in runs} == {"completed"}
        redis.ask("FLUSHALL")
        runs = await ask_many(stage, 20)
        assert {(await stage.outputs.result(run)).status for run in runs} == {"completed"}
        await asyncio.to_thread(redis.kill)
        await asyncio.to_thread(redis.start)
        runs = await ask_many(stage, 20)
        assert {(await stage.outputs.result(run)).status for run in runs} == {"completed"}
        assert [seen.state for seen in workers[1].all(LedgerChanged)].count("open") >= 3


async def test_money_of_a_call_that_was_never_noted_comes_back(bootstrap: str, topic_prefix: str, redis: Redis) -> None:
    """A worker dies between its reservation and its note. Kafka knows nothing of the call, so it was never made."""
    async with (
        staged(bootstrap, topic_prefix, MODEL, provider=priced(MODEL), budgets=shared(redis, WORST_USD)) as stage,
        running_member(stage.settings) as member,
    ):
        await eventually(lambda: member.worker.readiness() is None, member.worker.readiness)
        settings, clock = stage.settings.budgets, SystemClock()
        store = RedisStore(redis.url, f"streamproc {stage.settings.kafka.group}", 5.0)
        caps, names = configured_caps(settings), partial(_name, count())
        dead = RedisLedger(RedisView(store, caps, settings.time_zone, clock, names, lambda _: None), 1.0, clock)
        worst = Spend("never/0/0@0/1/1", "acme", None, None, int(clock.time() * 1000), int(WORST_USD * 1e9), 1)
        async with running_ledger(dead):
            await eventually(lambda: dead.condition.state == "open", lambda: dead)
            assert await dead.reserve(worst) == Reserved()
        run = await stage.ask(MODEL, **ASKED)
        await eventually(lambda: "reserved_by_others" in [held.why for held in member.all(BudgetHeld)])
        assert (await stage.outputs.result(run)).status == "completed"


def _name(numbers: "count[int]") -> str:
    return f"dead-{next(numbers)}"
