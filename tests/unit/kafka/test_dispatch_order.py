"""Dispatch: runs of one key are answered one after the other, whatever becomes of each."""

from typing import Any

import pytest

from streamproc.chain.run import Run, Terminal
from streamproc.errors import NotNow
from streamproc.kafka.assignment import State
from streamproc.kafka.deferring import is_deferrable
from tests.fakes import NOW, a_request, a_run, eventually
from tests.unit.kafka.dispatch_rig import Rig, record

KEY = ("llm.requests", 0, b"customer-1")
OTHER_KEY = ("llm.requests", 0, b"customer-2")


@pytest.fixture
def rig() -> Rig:
    """More slots than any test here has runs."""
    return Rig(10)


def put(rig: Rig, *offsets: int, key: tuple[str, int, bytes] | None = KEY, **fields: Any) -> list[Run]:
    """Runs of one key."""
    return [rig.put(offset, order_key=key, **fields) for offset in offsets]


def answer(rig: Rig, offset: int) -> None:
    """Ends a running run."""
    rig.work.processing[offset].set_result(Terminal((record("answered"),)))


def waiting(rig: Rig) -> set[int]:
    """Offsets in the queues."""
    return {run.offset for run in rig.dispatch.queues}


async def test_the_next_one_starts_when_the_one_before_is_answered(rig: Rig) -> None:
    """Other keys, and records without one, go on meanwhile."""
    put(rig, 0, 1, 2)
    put(rig, 3, key=OTHER_KEY)
    put(rig, 4, 5, key=None)
    rig.dispatch.start_ready()
    await rig.running(0, 3, 4, 5)
    answer(rig, 0)
    await rig.running(1, 3, 4, 5)
    answer(rig, 1)
    await rig.running(2, 3, 4, 5)


async def test_a_wait_does_not_let_the_next_one_pass(rig: Rig) -> None:
    """It gave its slot back and comes again in ten seconds: it is still the first."""
    (head, _) = put(rig, 0, 1)
    rig.dispatch.start_ready()
    await rig.running(0)
    head.not_before = NOW + 10
    rig.work.processing[0].set_exception(NotNow("no"))
    await rig.running()
    rig.clock.now += 10
    rig.dispatch.start_ready()
    await rig.running(0)
    answer(rig, 0)
    await rig.running(1)


async def test_a_time_of_its_own_is_kept(rig: Rig) -> None:
    """Of the first one, by all; of a later one, when it is the first."""
    put(rig, 0, not_before=NOW + 5)
    put(rig, 1, not_before=NOW + 20)
    rig.dispatch.start_ready()
    rig.clock.now += 5
    rig.dispatch.start_ready()
    await rig.running(0)
    answer(rig, 0)
    await rig.running()
    assert waiting(rig) == {1}
    rig.clock.now += 15
    rig.dispatch.start_ready()
    await rig.running(1)


async def test_priority_and_a_held_route_change_nothing(rig: Rig) -> None:
    """A later one that is urgent, or to another model, waits as well."""
    put(rig, 0, request=a_request(priority=0))
    put(rig, 1, request=a_request(priority=9), model="other")
    rig.dispatch.start_ready()
    await rig.running(0)
    answer(rig, 0)
    await rig.running(1)


@pytest.mark.parametrize("state", ["waits", "runs"])
async def test_the_cancel_of_the_first_lets_the_next_one_go(rig: Rig, state: str) -> None:
    """Without any other event."""
    (head, _) = put(rig, 0, 1, not_before=NOW if state == "runs" else NOW + 60)
    rig.dispatch.start_ready()
    if state == "runs":
        await rig.running(0)
    for run in rig.dispatch.queues:
        run.not_before = NOW
    rig.cancelled.add(head.id)
    rig.dispatch.cancel()
    await rig.running(1)


async def test_one_in_the_middle_may_end_early(rig: Rig) -> None:
    """Cancelled or expired while it waits, or cancelled before it was read: the order of the others stands."""
    (_, cancelled, _, _) = put(rig, 0, 1, 2, 3)
    put(rig, 4, deadline=NOW + 1)
    put(rig, 5)
    rig.dispatch.start_ready()
    await rig.running(0)
    rig.cancelled.add(cancelled.id)
    rig.dispatch.cancel()
    rig.clock.now += 1
    rig.dispatch.sweep()
    assert rig.published() == [(1, [b"cancelled 1"]), (4, [b"expired 4"])]
    await rig.running(0)
    for offset in (0, 2, 3, 5):
        await rig.running(offset)
        answer(rig, offset)
    await rig.running()


async def test_the_first_one_expires_while_it_waits(rig: Rig) -> None:
    """The next one has its turn."""
    put(rig, 0, not_before=NOW + 60, deadline=NOW + 1)
    put(rig, 1)
    rig.dispatch.start_ready()
    rig.clock.now += 1
    rig.dispatch.sweep()
    await rig.running(1)


async def test_the_order_stands_through_a_claim(rig: Rig) -> None:
    """Of a partition that is claimed again: what runs goes on, what could not is put aside, and nobody overtakes."""
    put(rig, 0, 1, 2)
    rig.dispatch.start_ready()
    await rig.running(0)
    rig.owners[0].state = State.CLAIMING
    rig.work.processing[0].set_exception(NotNow("no"))
    await rig.running()
    rig.dispatch.start_ready()
    await rig.running()
    rig.owners[0].state = State.READY
    rig.dispatch.resume(rig.owners[0])
    for offset in (0, 1, 2):
        await rig.running(offset)
        answer(rig, offset)
    await rig.running()
    assert [offset for offset, _ in rig.published()] == [0, 1, 2]


async def test_nothing_is_left_of_a_lost_partition(rig: Rig) -> None:
    """What comes when it is ours again is in order among itself, and behind no ghost."""
    put(rig, 0, 1, 2)
    rig.dispatch.start_ready()
    await rig.running(0)
    rig.owners[0].state = State.ENDED
    rig.dispatch.discard(rig.owners[0])
    await rig.owners[0].cancel_running()
    assert (waiting(rig), len(rig.dispatch._order), rig.work.abandoned) == (set(), 0, [1, 2, 0])
    rig.owners[0].state = State.READY
    put(rig, 1, 2)
    rig.dispatch.start_ready()
    await rig.running(1)
    answer(rig, 1)
    await rig.running(2)
    answer(rig, 2)
    await eventually(lambda: len(rig.dispatch._order) == 0)


def test_an_ordered_run_is_not_deferred() -> None:
    """Those after it would be read and answered before it is back; one without a key is free."""
    waits: dict[str, Any] = {"request": a_request(not_before="2027-01-15T09:00:00Z"), "not_before": NOW + 60}
    assert is_deferrable(a_run(1, **waits), NOW)
    assert not is_deferrable(a_run(1, order_key=KEY, **waits), NOW)
