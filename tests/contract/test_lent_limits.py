"""Leased limits in a time of their own: no window has too much, and little is left unused."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis as Connection

from streamproc.chain.limits import LimitRules
from tests.contract.harness.lending import Bank, Client
from tests.contract.harness.windows import excess
from tests.servers.redis import Redis

SECONDS = 12.0
WARM = 3.0
"""A Redis that is new counts everything as used up: so long nobody calls, and then the whole burst is there."""


@pytest.fixture
async def connection(redis: Redis) -> AsyncIterator[Connection]:
    """A client of the test's own Redis."""
    made = Connection.from_url(redis.url)
    yield made
    await made.aclose()


def used(begun: list[tuple[float, float]], per_minute: float, since: float = WARM, until: float = SECONDS) -> float:
    """Which part of the limit was used between two times."""
    return sum(amount for at, amount in begun if since <= at < until) / ((until - since) * per_minute / 60)


async def clients(bank: Bank, rules: LimitRules) -> list[Client]:
    """Three that Redis has known for a while."""
    made = [Client(bank, f"process {number}", rules) for number in range(3)]
    for number, one in enumerate(made):
        bank.at(0.01 * number, one.beat)
    await bank.run(WARM)
    return made


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("busy", [1, 3])
@pytest.mark.parametrize(("per_minute", "burst"), [(12_000, 200), (600, 10), (600, 2)])
async def test_requests(connection: Connection, seed: int, busy: int, per_minute: float, burst: float) -> None:
    """One of three that is busy has the whole limit, three that are busy share it."""
    bank = Bank(connection, seed)
    three = await clients(bank, LimitRules(requests_per_minute=per_minute, requests_burst=burst))
    for one in three[:busy]:
        one.call(lambda: 1, lambda: bank.random.uniform(0.01, 1.0), SECONDS)
    await bank.run(SECONDS)
    begun = [call for one in three for call in one.begun]
    assert excess(begun, per_minute) <= burst + 1e-6
    assert used(begun, per_minute) >= 0.9
    assert all(one.begun for one in three[:busy])


@pytest.mark.parametrize("busy", [1, 3])
async def test_tokens(connection: Connection, busy: int) -> None:
    """Calls of all sizes, settled with less than they were let in with: what is given back may be used."""
    per_minute, burst = 600_000.0, 20_000.0
    bank = Bank(connection, 3)
    three = await clients(bank, LimitRules(tokens_per_minute=per_minute, tokens_burst=burst))
    for one in three[:busy]:
        one.call(lambda: bank.random.randint(50, 2000), lambda: bank.random.uniform(0.05, 0.5), SECONDS)
    await bank.run(SECONDS)
    begun = [call for one in three for call in one.begun]
    assert excess(begun, per_minute) <= burst + 1e-6
    assert used(begun, per_minute, since=4.0) >= 0.9


async def test_a_large_call_of_one_process_gets_in_among_small_ones_of_others(connection: Connection) -> None:
    """They always found room before it had any: now it goes when it was told, and others use what it leaves."""
    per_minute, burst = 600_000.0, 20_000.0
    bank = Bank(connection, 8)
    large, *small = await clients(bank, LimitRules(tokens_per_minute=per_minute, tokens_burst=burst))
    for one in small:
        one.call(lambda: 100, lambda: 0.1, SECONDS)
    await bank.run(WARM + 1)
    large.call(lambda: 15_000, lambda: 100.0, SECONDS)
    await bank.run(SECONDS)
    begun = [call for one in (large, *small) for call in one.begun]
    assert len(large.begun) >= 3
    assert all(len(one.begun) > 100 for one in small)
    assert excess(begun, per_minute) <= burst + 1e-6
    assert used(begun, per_minute, since=WARM + 1) >= 0.9


@pytest.mark.parametrize("seed", range(10, 16))
async def test_runs_that_come_and_go(connection: Connection, seed: int) -> None:
    """Leases lie unused, some for all of their life: they count from when they were given, and are used later.

    What went back may have flowed off by then, and was there twice: of forty seeds one had a tenth of the burst too much.
    """
    per_minute, burst = 6000.0, 30.0
    bank = Bank(connection, seed)
    three = await clients(bank, LimitRules(requests_per_minute=per_minute, requests_burst=burst))
    for one in three:
        one.call(lambda: 1, lambda: 0.1, SECONDS, idle_share=0.05)
    await bank.run(SECONDS)
    assert excess([call for one in three for call in one.begun], per_minute) <= burst + 1e-6


async def test_a_slot_that_was_not_asked_for_is_a_short_wait(connection: Connection) -> None:
    """A route would take "too many at a time" for a reason to ask its next model, at each first call of a worker."""
    bank = Bank(connection, 7)
    one, other, _ = await clients(bank, LimitRules(max_concurrent=1))
    first = one.limits.hold(1, bank.now)
    assert first is not None
    assert first.reason == "requests"
    await bank.run(bank.now + 0.1)
    assert one.limits.hold(1, bank.now) is None
    one.limits.enter(1, bank.now)
    other.limits.hold(1, bank.now)
    await bank.run(bank.now + 0.1)
    full = other.limits.hold(1, bank.now)
    assert full is not None
    assert full.reason == "concurrency"


async def test_slots(connection: Connection) -> None:
    """Never more calls at a time than the limit; a process that is cut off and dies frees its slots after a while."""
    bank = Bank(connection, 4)
    three = await clients(bank, LimitRules(max_concurrent=7))
    most = []

    async def watch() -> None:
        most.append(sum(one.limits.running for one in three))
        bank.at(0.005, watch)

    bank.at(0.0, watch)
    for one in three:
        one.call(lambda: 1, lambda: bank.random.uniform(0.05, 0.2), 40.0)
    await bank.run(20.0)
    assert max(most[2000:]) == max(most) == 7
    assert sum(most[1000:]) / len(most[1000:]) >= 0.9 * 7
    assert all(len(one.begun) > 100 for one in three)


@pytest.mark.parametrize("slots", [1, 4, 5])
@pytest.mark.parametrize("seconds", [0.2, 2.0])
async def test_a_process_that_comes_later_has_its_part_of_the_slots(
    connection: Connection, slots: int, seconds: float
) -> None:
    """The first kept all slots for as long as it had calls, so a worker that was started beside it made none."""
    bank = Bank(connection, 9)
    first, later, _ = await clients(bank, LimitRules(max_concurrent=slots))
    first.call(lambda: 1, lambda: bank.random.uniform(0.5, 1.5) * seconds, 80.0)
    await bank.run(20.0)
    before = len(first.begun)
    later.call(lambda: 1, lambda: bank.random.uniform(0.5, 1.5) * seconds, 80.0)
    await bank.run(80.0)
    parts = sorted((len(first.begun) - before, len(later.begun)))
    assert parts[0] >= 0.75 * parts[1]
    assert sum(parts) >= 0.85 * 2 * slots * 60 / seconds  # a call is written down when it begins and when it ends


async def test_who_waits_for_a_slot_is_not_overtaken_by_all_who_come_and_go(connection: Connection) -> None:
    """They had had no turn yet and were the first, each time: who waited had a third of what it has behind them."""
    bank = Bank(connection, 0)
    rules = LimitRules(max_concurrent=1)
    waiting, *_ = await clients(bank, rules)
    for number in range(20):
        passing = Client(bank, f"passing {number}", rules)
        bank.at(0.01 * number, passing.beat)
        passing.call(lambda: 1, lambda: 0.6, 80.0, idle_share=0.9)
    await bank.run(10.0)
    waiting.call(lambda: 1, lambda: 0.6, 80.0)
    await bank.run(80.0)
    assert len(waiting.begun) >= 2 * 25


async def test_a_store_that_is_away_leaves_shares_and_gets_told_of_them(connection: Connection) -> None:
    """All three are cut off for five seconds: none stands still, and no window has more than twice the burst."""
    per_minute, burst = 12_000.0, 200.0
    bank = Bank(connection, 5)
    three = await clients(bank, LimitRules(requests_per_minute=per_minute, requests_burst=burst))
    for one in three:
        one.call(lambda: 1, lambda: 0.1, 15.0)
    await bank.run(5.0)
    for one in three:
        one.is_cut_off = True
    await bank.run(10.0)
    for one in three:
        one.is_cut_off = False
    await bank.run(15.0)
    begun = [call for one in three for call in one.begun]
    assert excess(begun, per_minute) <= 2 * burst
    assert used(begun, per_minute, 6.0, 10.0) >= 0.9
    assert used(begun, per_minute, 11.0, 15.0) >= 0.9


@pytest.mark.parametrize("slots", [None, 20])
async def test_a_redis_that_lost_everything_gives_nothing_twice(
    redis: Redis, connection: Connection, slots: int | None
) -> None:
    """It was emptied under load: what it lent shortly before is in use still."""
    per_minute, burst = 6000.0, 100.0
    bank = Bank(connection, 6)
    three = await clients(bank, LimitRules(requests_per_minute=per_minute, requests_burst=burst, max_concurrent=slots))
    for one in three:
        one.call(lambda: 1, lambda: bank.random.uniform(0.05, 0.2), 14.0)
    await bank.run(6.0)
    assert redis.ask("FLUSHALL") == "+OK"
    running, most = sum(one.limits.running for one in three), [0]

    async def watch() -> None:
        most.append(sum(one.limits.running for one in three))
        bank.at(0.005, watch)

    bank.at(0.0, watch)
    await bank.run(14.0)
    begun = [call for one in three for call in one.begun]
    assert running > 10
    assert slots is None or max(most) == slots
    assert excess(begun, per_minute) <= burst + 1e-6
