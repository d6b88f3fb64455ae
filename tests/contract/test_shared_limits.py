"""Limits that several processes lease from one Redis, on its own clock: it is killed, comes back empty, and forgets.

How well a limit is used, and that no window has too much, is looked at where time is a number (`test_lent_limits`).
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streamproc.chain.limits import Entry, Limiting, LimitRules
from streamproc.leasing import Leasing
from streamproc.observe.events import SharedLimitsChanged
from streamproc.stores.leases_redis import LeaseStore
from streamproc.system_clock import SystemClock
from tests.contract.harness.member import running_member
from tests.contract.harness.stage import staged
from tests.contract.harness.waiting import eventually
from tests.fakes import Seen
from tests.servers.redis import Redis

RULES = LimitRules(requests_per_minute=12_000, requests_burst=200)
"""200 a second."""


class Process:
    """One that shares limits, and calls as fast as it is let."""

    def __init__(self, redis: Redis, number: int) -> None:
        self.seen = Seen()
        self.leasing = Leasing(LeaseStore(redis.url, "t", f"process {number}", 5.0), SystemClock(), self.seen)
        self.leasing.load()
        self.calls = 0

    @property
    def states(self) -> list[str]:
        return [changed.state for changed in self.seen.of(SharedLimitsChanged)]

    async def call(self, limits: Limiting, until: asyncio.Event, call_seconds: float = 0.0) -> None:
        """Makes calls until it is enough."""
        running: set[asyncio.Task[None]] = set()
        while not until.is_set():
            hold = limits.hold(1, time.monotonic())
            if hold is not None:
                await asyncio.sleep(min(hold.seconds, 0.05))
                continue
            self.calls += 1
            task = asyncio.create_task(_end(limits.enter(1, time.monotonic()), call_seconds))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)


async def _end(entry: Entry, seconds: float) -> None:
    await asyncio.sleep(seconds)
    entry.leave(1, time.monotonic())


@asynccontextmanager
async def processes(redis: Redis, count: int) -> AsyncIterator[list[Process]]:
    """So many; they leave in order."""
    made = [Process(redis, number) for number in range(count)]
    try:
        yield made
    finally:
        for one in made:
            await one.leasing.close()


async def test_three_processes_have_one_limit(redis: Redis) -> None:
    """Together no more calls than it allows in all the time; each has some, and each knows of the others."""
    enough = asyncio.Event()
    async with processes(redis, 3) as three:
        began = time.monotonic()
        calling = [asyncio.create_task(one.call(one.leasing.limits("tenant:acme", RULES), enough)) for one in three]
        await eventually(lambda: sum(one.calls for one in three) > 300 and all(one.calls for one in three))
        enough.set()
        await asyncio.gather(*calling)
        assert sum(one.calls for one in three) <= 200 + 200 * (time.monotonic() - began)
        assert [one.leasing.workers for one in three] == [3] * 3
        assert [one.states for one in three] == [["open"]] * 3


async def test_calls_at_a_time_are_shared_and_slots_go_back(redis: Redis) -> None:
    """Seven slots for three processes; who leaves in order leaves none behind."""
    enough, most = asyncio.Event(), 0
    async with processes(redis, 3) as three:
        limits = [one.leasing.limits("credential:p/main", LimitRules(max_concurrent=7)) for one in three]
        calling = [asyncio.create_task(p.call(one, enough, 0.05)) for p, one in zip(three, limits, strict=True)]

        def is_full() -> bool:
            nonlocal most
            most = max(most, sum(one.running for one in limits))
            return most >= 7 and all(one.calls > 20 for one in three)

        await eventually(is_full)
        enough.set()
        await asyncio.gather(*calling)
        assert most == 7
        assert redis.ask("HLEN", "{t}:of:credential:p/main") != ":0"
    assert redis.ask("HLEN", "{t}:of:credential:p/main") == ":0"


async def test_a_redis_that_dies_leaves_each_its_share(redis: Redis) -> None:
    """Nobody is without a limit and nobody stands still, and when Redis is back, empty, all go on with it."""
    enough = asyncio.Event()
    async with processes(redis, 3) as three:
        began = time.monotonic()
        calling = [asyncio.create_task(one.call(one.leasing.limits("tenant:acme", RULES), enough)) for one in three]
        await eventually(lambda: all(one.calls > 20 for one in three))
        redis.kill()
        await eventually(lambda: all(one.states[-1] == "away" for one in three))
        away = [one.calls for one in three]
        await eventually(lambda: all(one.calls > 20 + calls for one, calls in zip(three, away, strict=True)))
        redis.start()
        await eventually(lambda: all(one.states[-1] == "open" for one in three))
        back = [one.calls for one in three]
        await eventually(lambda: all(one.calls > 20 + calls for one, calls in zip(three, back, strict=True)))
        enough.set()
        await asyncio.gather(*calling)
        assert [one.states for one in three] == [["open", "away", "open"]] * 3
        assert sum(one.calls for one in three) <= 2 * 200 + 200 * (time.monotonic() - began)


async def test_before_it_has_ever_answered_nobody_calls(redis: Redis) -> None:
    """How many share is not known, and so no share is."""
    redis.kill()
    enough = asyncio.Event()
    async with processes(redis, 1) as (one,):
        calling = asyncio.create_task(one.call(one.leasing.limits("tenant:acme", RULES), enough))
        await eventually(lambda: one.states == ["away"])
        assert one.calls == 0
        redis.start()
        await eventually(lambda: one.calls > 0)
        enough.set()
        await calling


async def test_keys_expire(redis: Redis) -> None:
    """All of them, by themselves: Redis is not filled by tenants that came once."""
    enough = asyncio.Event()
    async with processes(redis, 1) as (one,):
        limits = one.leasing.limits("tenant:once", LimitRules(6000, 100, 60_000, 1000, 5))
        calling = asyncio.create_task(one.call(limits, enough))
        await eventually(lambda: one.calls > 0)
        enough.set()
        await calling
        keys = ["{t}:born", "{t}:seen", "{t}:of:tenant:once"]
        assert all(0 < int(redis.ask("PTTL", key)[1:]) <= 86_400_000 for key in keys)


async def test_limits_without_a_limit_ask_for_nothing(redis: Redis) -> None:
    """They stay in the process."""
    async with processes(redis, 1) as (one,):
        assert one.leasing.limits("tenant:free", LimitRules()).hold(1, 0.0) is None
        assert one.states == []


async def test_two_workers_share_the_limit_of_a_credential(redis: Redis, bootstrap: str, topic_prefix: str) -> None:
    """Ten at once and ten a second: forty calls take three seconds at least, however many workers there are."""
    model = "mock-t1-i0-f1"
    limits = {"requests_per_minute": 600, "requests_burst": 10}
    shared = {"redis_url": redis.url, "redis_timeout_seconds": 10.0}
    async with staged(bootstrap, topic_prefix, model, provider={"limits": limits}, shared_limits=shared) as stage:
        began = time.monotonic()
        async with running_member(stage.settings) as one, running_member(stage.settings) as two:
            runs = [await stage.ask(model, partition=n % 4) for n in range(40)]
            results = [await stage.outputs.result(run) for run in runs]
            assert {result.status for result in results} == {"completed"}
            assert time.monotonic() - began >= 2.9
            told = [changed.state for member in (one, two) for changed in member.all(SharedLimitsChanged)]
            assert told == ["open"] * 2
