"""P4 with a Redis of the past: a former master that comes back, a view that nobody kept, and clocks that are wrong."""

import time
from collections.abc import AsyncIterator

import pytest

from streamproc.money.ledger import Booked
from streamproc.money.ledger_orders import reserve_order
from streamproc.money.ledger_redis import RedisLedger
from streamproc.money.store_redis import RedisStore
from streamproc.money.verdict import Refused, Reserved
from tests.contract.harness.redis_address import redis_address
from tests.contract.harness.redis_ledgers import HandClock, begun, build, running_ledger, spend
from tests.contract.harness.waiting import eventually
from tests.contract.test_redis_ledger import notices, why
from tests.servers.redis import Redis

DAY_SECONDS = 86_400
LEAD_MS = 5000


@pytest.fixture
def clock() -> HandClock:
    """The time stands still unless the test says so."""
    return HandClock()


@pytest.fixture
async def ledger(redis: Redis, clock: HandClock) -> AsyncIterator[RedisLedger]:
    """A ledger with an open view in which nothing is spent."""
    async with running_ledger(begun(redis.url, clock)) as ledger:
        await build(ledger)
        yield ledger


async def keeps(ledger: RedisLedger, redis: Redis, until_seconds: float) -> None:
    """Somebody keeps the view, for so long from now on by the clock of Redis."""
    assert await ledger.view.order("lead", "somebody", LEAD_MS)
    redis.ask("HSET", "{test}:sums", "until", f"{(time.time() + until_seconds) * 1000:.0f}")


async def test_a_former_master_that_comes_back_is_not_believed(redis: Redis, clock: HandClock) -> None:
    """It was frozen, and nobody told it: its process, its history and its view are whole, and what was spent is missing."""
    with Redis() as other:
        async with redis_address(redis) as address, running_ledger(begun(address.url, clock)) as ledger:
            await build(ledger)
            await address.lead_to(other)
            await notices(ledger)
            await build(ledger)
            assert why(await ledger.reserve(spend("a", 60))) == "Reserved"
            assert ledger.confirm("a")
            ledger.settle(spend("a", 60))
            await eventually(lambda: "tells=0" in repr(ledger), lambda: ledger)
            await address.lead_to(redis)
            for usage_id in "bc":
                assert why(await ledger.reserve(spend(usage_id, 60))) in ("away", "rebuilding")
                await eventually(lambda: ledger.condition.state != "away", lambda: ledger)
            await eventually(lambda: ledger.condition.state == "foreign", lambda: ledger)
            await ledger.view.order("forget", ledger.condition.generation)
            await build(ledger, lines={0: [Booked(0, spend("a", 60))]})
            assert isinstance(await ledger.reserve(spend("e", 60)), Refused)


@pytest.mark.parametrize(("seconds_ago", "state"), [(30, "open"), (61, "lost")])
async def test_a_view_that_nobody_kept_for_a_minute_is_not_believed(
    redis: Redis, clock: HandClock, ledger: RedisLedger, seconds_ago: int, state: str
) -> None:
    """So a former master is known to workers, too, that have never seen the one in between."""
    await keeps(ledger, redis, -seconds_ago)
    async with running_ledger(begun(redis.url, clock)) as newcomer:
        await eventually(lambda: newcomer.condition.state == state, lambda: newcomer)


async def test_a_clock_of_redis_that_was_put_back_keeps_nobody_from_leading(redis: Redis, ledger: RedisLedger) -> None:
    """The keeper died while the clock was a year ahead: for a year nobody would have kept the view."""
    await keeps(ledger, redis, 4)
    assert not await ledger.view.order("lead", "another", LEAD_MS)
    await keeps(ledger, redis, 365 * DAY_SECONDS)
    assert await ledger.view.order("lead", "another", LEAD_MS)


@pytest.mark.parametrize("days", [1, 400])
async def test_a_line_that_is_booked_by_a_wrong_clock_counts(clock: HandClock, ledger: RedisLedger, days: int) -> None:
    """The keeper's clock was ahead for a moment. The month of the line was over then, so the line was in no sum."""
    clock.pass_by(days * DAY_SECONDS)
    await ledger.view.tidy()
    await ledger.view.book_from(0, 0, [Booked(0, spend("a", 90))], 1)
    clock.pass_by(-days * DAY_SECONDS)
    await ledger.view.tidy()
    assert isinstance(await ledger.reserve(spend("b", 60)), Refused)


async def test_sums_of_windows_that_are_over_are_dropped(redis: Redis, clock: HandClock, ledger: RedisLedger) -> None:
    """At the second look."""
    assert await ledger.reserve(spend("a", 60)) == Reserved()
    ledger.settle(spend("a", 60))
    await ledger.standings()
    clock.pass_by(40 * DAY_SECONDS)
    fields = []
    for _ in range(2):
        fields.append(int(redis.ask("HLEN", "{test}:sums").lstrip(":")))
        await ledger.view.tidy()
    fields.append(int(redis.ask("HLEN", "{test}:sums").lstrip(":")))
    assert fields[0] == fields[1] > fields[2]


@pytest.mark.parametrize("is_building", [False, True])
async def test_what_comes_too_late_for_a_view_is_not_carried_out(
    redis: Redis, ledger: RedisLedger, is_building: bool
) -> None:
    """A worker found the view open, and before its order came others had begun to build one that counts by other days."""
    worst = spend("a", 60)
    order = reserve_order(worst, ledger.view.caps.accounts(worst), ())
    if is_building:
        await ledger.view.order("forget", ledger.condition.generation)
        assert await ledger.view.order("build", ledger.condition.generation, "build")
    store = RedisStore(redis.url, "test", 5.0)
    answer = await store.run("next", "UTC" if is_building else "Europe/Berlin", [order])
    await store.close()
    assert answer.replies == [None]
    assert redis.ask("HEXISTS", "{test}:calls", "a") == ":0"


async def test_a_replica_that_takes_writes_is_not_believed(redis: Redis, clock: HandClock, ledger: RedisLedger) -> None:
    """`replica-read-only no`: it has the history of its master, and what is reserved there the master never learns."""
    with Redis("--replicaof", f"127.0.0.1 {redis.port}", "--replica-read-only", "no") as replica:
        await notices(ledger)  # the first replica of a master begins a new history
        await build(ledger)
        await eventually(lambda: replica.ask("HGET", "{test}:sums", "state") == "ready")
        async with running_ledger(begun(replica.url, clock)) as strayed:
            await eventually(lambda: strayed.condition.state == "lost", lambda: strayed)


async def test_who_asks_again_under_the_same_id_has_one_reservation(ledger: RedisLedger) -> None:
    """A run that was cut off while it asked comes back with the number that its call had."""
    for _ in range(2):
        assert why(await ledger.reserve(spend("a", 60))) == "Reserved"
    (standing,) = await ledger.standings()
    assert standing.reserved == 60


async def test_what_is_given_back_or_freed_too_late_changes_nothing(ledger: RedisLedger) -> None:
    """A call that has ended gives nothing back any more, and a lease is freed only if it is the one that was looked at."""
    for usage_id in ("ended", "running"):
        assert why(await ledger.reserve(spend(usage_id, 30))) == "Reserved"
    ledger.settle(spend("ended", 20))
    ledger.release("ended")
    await ledger.view.order("free", "running", "another time")
    ended = (await ledger.view.calls())["ended"]
    await ledger.view.order("free", "ended", ended["at"])
    await ledger.view.order("forget", "a generation of before")
    (standing,) = await ledger.standings()
    assert (standing.settled, standing.reserved) == (20, 30)
