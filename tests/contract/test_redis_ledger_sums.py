"""P4, order by order: what the script in Redis does with sums below zero, unknown costs, and builds of the wrong view."""

from collections.abc import AsyncIterator

import pytest

from streamproc.money.ledger import Booked, Standing
from streamproc.money.ledger_orders import text_of
from streamproc.money.ledger_redis import RedisLedger
from streamproc.money.verdict import Refused
from tests.contract.harness.redis_ledgers import HandClock, begun, build, running_ledger, spend
from tests.contract.harness.waiting import eventually
from tests.contract.test_redis_ledger import notices, why
from tests.servers.redis import Redis


@pytest.fixture
async def ledger(redis: Redis) -> AsyncIterator[RedisLedger]:
    """A ledger with an open view in which nothing is spent."""
    async with running_ledger(begun(redis.url, HandClock())) as ledger:
        await build(ledger)
        yield ledger


async def told(ledger: RedisLedger) -> Standing:
    """How the only account stands, once everything was told."""
    await eventually(lambda: "tells=0" in repr(ledger), lambda: ledger)
    (standing,) = await ledger.standings()
    return standing


async def test_a_sum_below_zero_is_no_room(ledger: RedisLedger) -> None:
    """Its window was over and its sums dropped while a call was under way, which gave back what was not there any more.

    A worker whose clock is behind still asks for that window, and would have got more than its cap.
    """
    assert why(await ledger.reserve(spend("spent", 50))) == "Reserved"
    ledger.settle(spend("spent", 50))
    first = spend("a", 40)
    assert why(await ledger.reserve(first)) == "Reserved"
    checks = ledger.view.caps.checks(first)
    assert not isinstance(checks, Refused)
    account = checks[0].account
    field = f"reserved_nanos {text_of(account)}"
    await ledger.view.order("drop", [field])
    ledger.release("a")
    await eventually(lambda: "tells=0" in repr(ledger), lambda: ledger)
    assert (await ledger.view.order("totals", [text_of(account)]))[0][2] == "-40"
    assert why(await ledger.reserve(spend("b", 60))) == "Refused"
    assert why(await ledger.reserve(spend("c", 50))) == "Reserved"


async def test_calls_of_unknown_cost_are_counted(ledger: RedisLedger) -> None:
    """Once each, from their end on; one whose line knows the cost after all is none of them any more."""
    for usage_id in "ab":
        assert why(await ledger.reserve(spend(usage_id, 40))) == "Reserved"
        ledger.settle(spend(usage_id, 0)._replace(nanos=None))
    standing = await told(ledger)
    assert (standing.unknown, standing.settled, standing.reserved) == (2, 0, 0)
    await ledger.book(0, [Booked(0, spend("a", 0)._replace(nanos=None)), Booked(1, spend("b", 30))], 2)
    standing = await told(ledger)
    assert (standing.unknown, standing.settled) == (1, 30)


async def test_an_open_view_is_not_built(ledger: RedisLedger) -> None:
    """A builder that was frozen wakes up when another one is done: it would empty what workers reserve from."""
    assert why(await ledger.reserve(spend("a", 60))) == "Reserved"
    assert not await ledger.view.order("build", ledger.condition.generation, "late")
    assert why(await ledger.reserve(spend("b", 60))) == "reserved_by_others"


async def test_a_view_of_another_life_is_not_built(redis: Redis, ledger: RedisLedger) -> None:
    """It has waited and read for a view that was lost again since; for this one it has not waited long enough."""
    redis.ask("FLUSHALL")
    await notices(ledger)
    assert await ledger.view.order("build", ledger.condition.generation, "of now")
    assert not await ledger.view.order("build", "a generation of before", "of before")
    await ledger.view.adopt_all([spend("a", 60)], "of now")
    assert await ledger.view.order("open", "of now")
    assert (await told(ledger)).reserved == 60
