"""The memory ledger: who is woken, what is told, and how it is built again. Its sums have a model of their own."""

import pytest

from streamproc.money.ledger import Booked
from streamproc.money.ledger_memory import MemoryLedger
from streamproc.money.verdict import Held, Refused, Reserved
from tests.unit.money.ledger_rig import LedgerRig, tell
from tests.unit.money.test_caps import NOW_MS, a_spend, caps, day

DAY_MS = 86_400_000


async def test_only_those_are_woken_for_whom_there_is_room() -> None:
    """In the order of their coming. A thousand that wait are not all asked again for the money of one."""
    rig = LedgerRig()
    first, second = await rig.reserved(50), await rig.reserved(50)
    waiting = [await rig.held(30) for _ in range(4)]
    rig.ledger.release(first.usage_id)
    assert waiting == [[30], [], [], []]
    rig.ledger.settle(second._replace(nanos=10))
    assert waiting == [[30], [30], [30], [30]]


async def test_room_that_nobody_wants_any_more_goes_to_the_next() -> None:
    """The run was cancelled while it waited."""
    rig = LedgerRig()
    first = await rig.reserved(100)
    verdict = await rig.ledger.reserve(rig.call(60))
    assert isinstance(verdict, Held)
    assert verdict.room is not None
    verdict.room.then(lambda: False)
    woken = await rig.held(60)
    rig.ledger.release(first.usage_id)
    assert woken == [60]


async def test_who_asks_again_in_vain_keeps_its_place() -> None:
    """And has one place: a run that looks every second would fill the memory."""
    rig = LedgerRig()
    first = await rig.reserved(100)
    woken: list[int] = []
    impatient = rig.call(60)
    for attempt in range(3):
        verdict = await rig.ledger.reserve(impatient._replace(usage_id=f"r/{attempt}/1"))
        assert isinstance(verdict, Held)
        assert verdict.room is not None
        tell(verdict.room, woken, attempt)
        if not attempt:
            later = await rig.held(60)
    rig.ledger.release(first.usage_id)
    assert (woken, later) == ([2], [])


async def test_who_will_never_fit_is_woken_to_learn_it() -> None:
    """What it waited for was spent."""
    rig = LedgerRig()
    first = await rig.reserved(100)
    woken = await rig.held(60)
    rig.ledger.settle(first._replace(nanos=50))
    assert woken == [60]
    assert isinstance(await rig.ledger.reserve(rig.call(60)), Refused)


async def test_a_cap_that_is_raised_wakes_everybody() -> None:
    """And a window that is over holds nobody up."""
    rig = LedgerRig()
    await rig.reserved(100)
    woken = await rig.held(60)
    await rig.ledger.govern(caps(day("tenant=*", 200e-9)))
    assert woken == [60]
    rig.now_ms += 86_400_000
    await rig.reserved(100)


async def test_a_cap_that_comes_later_knows_the_calls_under_way() -> None:
    """They were reserved where no cap was; the new cap keeps their room, and gets it back when they end."""
    rig = LedgerRig()
    early, other = await rig.reserved(60), await rig.reserved(40)
    await rig.ledger.govern(caps(day("tenant=*", 100e-9), day("global", 130e-9), kill_at=1.0))
    assert isinstance(await rig.ledger.reserve(rig.call(31, tenant="umbrella")), Held)
    rig.ledger.settle(early._replace(nanos=10))
    await rig.ledger.govern(caps(day("tenant=*", 100e-9), kill_at=1.0))
    rig.ledger.release(other.usage_id)
    await rig.ledger.govern(caps(day("tenant=*", 100e-9), day("global", 130e-9), kill_at=1.0))
    found = {str(item.account.scope): (item.settled, item.reserved) for item in await rig.ledger.standings()}
    assert found == {"global": (10, 0), "tenant acme": (10, 0)}


async def test_nothing_begins_before_it_is_open() -> None:
    """And then those who waited for that are woken."""
    rig = LedgerRig()
    ledger = MemoryLedger(caps(day("tenant=*", 100e-9)), lambda: NOW_MS, lambda _: None)
    verdict = await ledger.reserve(rig.call(10))
    assert isinstance(verdict, Held)
    assert verdict.why == "rebuilding"
    woken: list[int] = []
    assert verdict.room is not None
    tell(verdict.room, woken, 10)
    ledger.open()
    assert woken == [10]
    assert await ledger.reserve(rig.call(10)) == Reserved()


async def test_a_line_corrects_what_was_settled() -> None:
    """The call was settled by what this process knew, and somebody else billed the most that it can have been."""
    rig = LedgerRig()
    call = await rig.reserved(40)
    rig.ledger.settle(call._replace(nanos=5))
    await rig.ledger.book(0, [Booked(0, call)], 1)
    assert [(found.settled, found.reserved) for found in await rig.ledger.standings()] == [(40, 0)]
    rig.ledger.settle(call._replace(nanos=5))
    assert [(found.settled, found.reserved) for found in await rig.ledger.standings()] == [(40, 0)]


@pytest.mark.parametrize("days", [1, 400])
async def test_a_clock_that_was_wrong_for_a_while_makes_nobody_forget(days: int) -> None:
    """The sums of a day were dropped as soon as it was over, also when the clock was put back: all was to be spent anew."""
    rig = LedgerRig()
    rig.ledger.settle(await rig.reserved(90))
    before = await rig.ledger.standings()
    rig.now_ms += days * DAY_MS
    assert await rig.ledger.standings() == []
    await rig.ledger.book(0, [Booked(0, a_spend(usage_id="x", tenant="umbrella", nanos=30))], 1)
    rig.now_ms -= days * DAY_MS
    found = {item.account.scope.name: item.settled for item in await rig.ledger.standings()}
    assert found == {"acme": 90, "umbrella": 30}
    assert before[0].settled == 90


async def test_what_a_worker_spends_whose_clock_is_ahead_is_known_tomorrow() -> None:
    """Its line was left out, because the day in which it counts had not yet begun here."""
    rig = LedgerRig()
    await rig.ledger.book(0, [Booked(0, a_spend(usage_id="x", at_ms=NOW_MS + DAY_MS, nanos=90))], 1)
    rig.now_ms += DAY_MS
    assert isinstance(await rig.ledger.reserve(rig.call(20)), Refused)


async def test_sums_of_days_that_are_over_are_dropped() -> None:
    """After two more days: memory is bounded by the tenants of a few days."""
    rig = LedgerRig()
    await rig.reserved(1)
    sizes = []
    for _ in range(5):
        await rig.ledger.standings()
        sizes.append(len(rig.ledger._sums.values()))
        rig.now_ms += DAY_MS
    assert sizes[0] > sizes[-1]


async def test_shares_of_a_cap_are_told_as_they_are_reached() -> None:
    """With what is settled by then."""
    rig = LedgerRig(alerts=[0.5, 0.9])
    for nanos in (40, 15, 30):
        rig.ledger.settle(await rig.reserved(nanos))
    assert [(str(found.at), found.settled, found.account.scope.name) for found in rig.crossed] == [("0.5", 55, "acme")]


async def test_a_cap_that_is_lowered_below_what_is_spent_tells_so() -> None:
    """Calls are refused from then on, and nothing that is spent later would tell why."""
    rig = LedgerRig(alerts=[0.5, 0.9])
    rig.ledger.settle(await rig.reserved(40))
    await rig.ledger.govern(caps(day("tenant=*", 50e-9), kill_at=1.0, alerts=[0.5, 0.9]))
    assert [(str(found.at), found.settled, found.cap.amount) for found in rig.crossed] == [("0.5", 40, 50)]
    await rig.ledger.govern(caps(day("tenant=*", 50e-9), kill_at=1.0, alerts=[0.5, 0.9]))
    assert len(rig.crossed) == 1


async def test_a_cap_for_users_has_them_counted_from_kafka_anew() -> None:
    """They were not told apart before. Until that is done nothing begins; calls under way keep their leases.

    What was booked so far was once forgotten when the cap came. But a poll was under way, its lines were booked after
    that, and then all lines before them counted as known: a month's spending was gone, under every cap.
    """
    rig = LedgerRig()
    before = await rig.reserved(10)
    lines = [Booked(0, a_spend(usage_id="x", nanos=30)), Booked(1, a_spend(usage_id="y", nanos=5))]
    await rig.ledger.book(0, lines[:1], 1)
    await rig.ledger.govern(caps(day("tenant=*", 100e-9), day("user=*", 50e-9), kill_at=1.0))
    assert not rig.ledger.is_open
    assert isinstance(await rig.ledger.reserve(rig.call(1)), Held)
    await rig.ledger.book(0, lines[1:], 2)
    rig.ledger.begin()
    await rig.ledger.book(0, lines, 2)
    assert rig.ledger.open()
    found = {str(item.account.scope): (item.settled, item.reserved) for item in await rig.ledger.standings()}
    assert found == {"tenant acme": (35, 10), "user bob of tenant acme": (35, 10)}
    assert rig.ledger.confirm(before.usage_id)


async def test_a_cap_for_users_that_comes_while_it_is_built_has_it_built_again() -> None:
    """It once opened with the lines that were left to read, and without those before them."""
    rig = LedgerRig()
    rig.ledger.begin()
    await rig.ledger.book(0, [Booked(0, a_spend(usage_id="x", nanos=30))], 1)
    await rig.ledger.govern(caps(day("tenant=*", 100e-9), day("user=*", 50e-9), kill_at=1.0))
    await rig.ledger.book(0, [Booked(1, a_spend(usage_id="y", nanos=5))], 2)
    assert not rig.ledger.open()
    assert isinstance(await rig.ledger.reserve(rig.call(1)), Held)


@pytest.mark.parametrize("nanos", [None, 0])
async def test_a_cost_that_nobody_knows_is_counted_as_such(nanos: int | None) -> None:
    """It is in no sum, and it is said."""
    rig = LedgerRig()
    call = await rig.reserved(10)
    rig.ledger.settle(call._replace(nanos=nanos))
    (found,) = await rig.ledger.standings()
    assert (found.settled, found.unknown) == (0, 1 if nanos is None else 0)
