"""P4: the view in Redis is not trusted any more as soon as it can be wrong; then runs wait, and none fails."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from streamproc.money.batches import NotCarriedOut
from streamproc.money.configured import configured_caps
from streamproc.money.ledger import Booked
from streamproc.money.ledger_redis import RedisLedger
from streamproc.money.verdict import Held, Refused, Verdict
from streamproc.settings.budgets import BudgetSettings, CapSettings
from tests.contract.harness.redis_ledgers import HandClock, begun, build, running_ledger, spend
from tests.contract.harness.waiting import eventually
from tests.servers.redis import Redis


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


async def notices(ledger: RedisLedger) -> None:
    """Waits until it has; with nothing to do it would not ask."""

    def has_noticed() -> bool:
        ledger.release("nobody")
        return ledger.condition.state == "lost"

    await eventually(has_noticed, lambda: ledger.condition)


async def opened(held: Verdict) -> None:
    """Waits until there is room."""
    assert isinstance(held, Held)
    assert held.room is not None
    event = asyncio.Event()

    def tell() -> bool:
        event.set()
        return True

    held.room.then(tell)
    await event.wait()


def why(verdict: Verdict) -> str:
    """A verdict in one word."""
    return verdict.why if isinstance(verdict, Held) else type(verdict).__name__


async def test_two_workers_cannot_take_the_same_money(redis: Redis, clock: HandClock, ledger: RedisLedger) -> None:
    """Who comes second waits for what the first may give back, and is refused when it is spent."""
    async with running_ledger(begun(redis.url, clock)) as other:
        await eventually(lambda: other.condition.state == "open", lambda: other)
        assert why(await ledger.reserve(spend("a", 60))) == "Reserved"
        held = await other.reserve(spend("b", 60))
        assert why(held) == "reserved_by_others"
        ledger.settle(spend("a", 50))
        await asyncio.wait_for(opened(held), 20)
        assert why(await other.reserve(spend("b", 60))) == "Refused"
        assert why(await other.reserve(spend("c", 50))) == "Reserved"


def _emptied(redis: Redis) -> None:
    redis.ask("FLUSHALL")


def _without_its_calls(redis: Redis) -> None:
    redis.ask("DEL", "{test}:calls")


def _without_its_sums(redis: Redis) -> None:
    redis.ask("DEL", "{test}:sums")


def _restarted_empty(redis: Redis) -> None:
    redis.kill()
    redis.start()


def _stopped_and_started_with_all_it_had(redis: Redis) -> None:
    redis.ask("SAVE")
    redis.kill()
    redis.start()


@pytest.mark.parametrize(
    "lose",
    [_emptied, _without_its_calls, _without_its_sums, _restarted_empty, _stopped_and_started_with_all_it_had],
)
async def test_a_loss_is_noticed_before_anything_is_reserved(
    redis: Redis, ledger: RedisLedger, lose: Callable[[Redis], None]
) -> None:
    """Redis evicts whole keys, is emptied, and restarts with what it saved or without: no such view is used again."""
    assert why(await ledger.reserve(spend("a", 60))) == "Reserved"
    await asyncio.to_thread(lose, redis)
    assert why(await ledger.reserve(spend("b", 60))) in ("away", "rebuilding")
    await notices(ledger)
    await build(ledger, [spend("a", 60)])
    assert why(await ledger.reserve(spend("b", 60))) == "reserved_by_others"


async def test_a_snapshot_from_the_past_is_not_believed(redis: Redis, ledger: RedisLedger) -> None:
    """Redis comes back from a kill with what was true a while ago: the sums are too low, and look whole."""
    redis.ask("SAVE")
    assert why(await ledger.reserve(spend("a", 60))) == "Reserved"
    ledger.settle(spend("a", 60))
    await ledger.standings()
    redis.kill()
    redis.start()
    await notices(ledger)
    assert redis.ask("HGET", "{test}:sums", "state") == "lost"
    assert why(await ledger.reserve(spend("b", 60))) == "rebuilding"


async def test_a_promoted_replica_is_not_believed(redis: Redis, clock: HandClock, ledger: RedisLedger) -> None:
    """What the former master had not passed on is missing, and nothing else tells. Promoted back, it is the same."""
    with Redis("--replicaof", f"127.0.0.1 {redis.port}") as replica:
        await eventually(lambda: replica.ask("HGET", "{test}:sums", "state") == "ready")
        replica.ask("REPLICAOF", "NO", "ONE")
        async with running_ledger(begun(replica.url, clock)) as moved:
            await eventually(lambda: moved.condition.state == "lost", lambda: moved)
            assert why(await moved.reserve(spend("b", 60))) == "rebuilding"


async def test_a_master_that_was_a_replica_for_a_while_is_not_believed(
    redis: Redis, clock: HandClock, ledger: RedisLedger
) -> None:
    """Its process never ended, so its run id is the one that the view was built on; only its history differs."""
    with Redis("--replicaof", f"127.0.0.1 {redis.port}") as replica:
        await eventually(lambda: replica.ask("HGET", "{test}:sums", "state") == "ready")
        replica.ask("REPLICAOF", "NO", "ONE")
        redis.ask("REPLICAOF", "127.0.0.1", str(replica.port))
        await eventually(lambda: redis.ask("ROLE") == "*5")
        redis.ask("REPLICAOF", "NO", "ONE")
        await notices(ledger)
        assert why(await ledger.reserve(spend("b", 60))) == "rebuilding"


async def test_what_ended_while_redis_was_away_is_told_later(redis: Redis, ledger: RedisLedger) -> None:
    """A call goes on without Redis. What it gives back is not forgotten, also when the view is built anew meanwhile."""
    for usage_id in ("a", "b"):
        assert why(await ledger.reserve(spend(usage_id, 40))) == "Reserved"
    redis.kill()
    assert why(await ledger.reserve(spend("c", 40))) in ("away", "rebuilding")
    ledger.settle(spend("a", 10))
    ledger.release("b")
    redis.start()
    await build(ledger, [spend("a", 40), spend("b", 40)])
    await eventually(lambda: "tells=0" in repr(ledger), lambda: ledger)
    (standing,) = await ledger.standings()
    assert (standing.settled, standing.reserved) == (10, 0)


async def test_whoever_waits_for_redis_is_told_when_it_is_back(redis: Redis, ledger: RedisLedger) -> None:
    """Not by a clock alone."""
    redis.kill()
    await ledger.reserve(spend("a", 40))
    held = await ledger.reserve(spend("a", 40))
    assert why(held) == "away"
    redis.start()
    await build(ledger)
    await asyncio.wait_for(opened(held), 20)


async def test_a_call_whose_note_came_late_does_not_begin(clock: HandClock, ledger: RedisLedger) -> None:
    """Whoever builds a lost view anew waits for as long as a note may take; after that nobody may begin on its strength."""
    for usage_id, seconds, is_good in (("a", 9.9, True), ("b", 10.0, False)):
        assert why(await ledger.reserve(spend(usage_id, 10))) == "Reserved"
        clock.pass_by(seconds)
        assert ledger.confirm(usage_id) is is_good


async def test_of_two_who_build_the_view_the_later_one_counts(ledger: RedisLedger, redis: Redis) -> None:
    """One was frozen in the middle, and another one took over: what the first still says changes nothing."""
    redis.ask("FLUSHALL")
    await notices(ledger)
    generation = ledger.condition.generation
    assert await ledger.view.order("build", generation, "first")
    await ledger.view.adopt_all([spend("a", 90)], "first")
    assert await ledger.view.order("build", generation, "second")
    for late in (
        ledger.view.adopt_all([spend("b", 90)], "first"),
        ledger.view.book_from(0, 0, [Booked(0, spend("c", 90))], 1, "first"),
    ):
        with pytest.raises(NotCarriedOut):
            await late
    assert not await ledger.view.order("open", "first")
    assert await ledger.view.order("open", "second")
    assert await ledger.standings() == []


async def test_lines_are_booked_once_and_none_is_left_out(ledger: RedisLedger) -> None:
    """Two who book at a time may overlap; a gap would be money that nobody counts."""
    lines = [Booked(offset, spend(f"call-{offset}", 1)) for offset in range(10)]
    assert await ledger.view.book_from(0, 3, lines[:4], 4) == 4
    assert await ledger.view.book_from(2, 3, lines[2:6], 6) == 6
    assert await ledger.view.book_from(8, 3, lines[8:], 10) == 6
    (standing,) = await ledger.standings()
    assert standing.settled == 6


async def test_workers_that_count_by_other_days_do_not_share_a_view(
    redis: Redis, clock: HandClock, ledger: RedisLedger
) -> None:
    """They would add to different sums, and each would find room."""
    other = begun(redis.url, clock)
    other.view.batches.count_by("Europe/Berlin")
    async with running_ledger(other):
        await eventually(lambda: other.condition.state == "foreign", lambda: other)
        assert why(await other.reserve(spend("a", 10))) == "rebuilding"
        assert why(await ledger.reserve(spend("b", 10))) == "Reserved"


async def test_no_more_than_redis_can_count_is_let_through(redis: Redis, clock: HandClock) -> None:
    """Lua compares doubles: above 2^53 nano-dollars a cap could be passed unseen, so it ends there."""
    caps = configured_caps(BudgetSettings(caps=(CapSettings(scope="global", window="month", usd=1e9, kill_at=1.0),)))
    async with running_ledger(begun(redis.url, clock, caps)) as ledger:
        await build(ledger, lines={0: [Booked(0, spend("a", 2**53 - 11))]})
        assert why(await ledger.reserve(spend("b", 10))) == "Reserved"
        ledger.settle(spend("b", 10))
        verdict = await ledger.reserve(spend("c", 1))
        assert isinstance(verdict, Refused)
        assert why(await ledger.reserve(spend("d", 0))) == "Refused"
