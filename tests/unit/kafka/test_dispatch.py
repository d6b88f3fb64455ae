"""Dispatch: slots, waits, and what becomes of runs that are cut off."""

import asyncio

from streamproc.chain.run import Terminal
from streamproc.errors import NotNow
from streamproc.kafka.assignment import State
from streamproc.money.room import Room
from tests.fakes import NOW, eventually
from tests.unit.kafka.dispatch_rig import Rig, record


async def test_no_more_runs_go_on_than_there_are_slots(rig: Rig) -> None:
    """The third starts when one of two ends; its owner has what it left behind."""
    for offset in range(4):
        rig.put(offset)
    rig.dispatch.start_ready()
    await rig.running(0, 1)
    rig.work.processing[1].set_result(Terminal((record("one"),)))
    await rig.running(0, 2)
    assert rig.published() == [(1, [b"one"])]
    assert rig.freed == 1
    assert repr(rig.dispatch) == "Dispatch(running=2, ReadyQueues(ready=1, waiting=0, bytes=100))"


async def test_a_run_that_cannot_go_on_gives_its_slot_back(rig: Rig) -> None:
    """It comes again at its time; others run meanwhile, and it owes no result until then."""
    run = rig.put(0)
    for offset in (1, 2):
        rig.put(offset)
    rig.dispatch.start_ready()
    await rig.running(0, 1)
    run.not_before = NOW + 30
    rig.work.processing[0].set_exception(NotNow("no"))
    await rig.running(1, 2)
    assert (rig.published(), rig.work.abandoned) == ([], [])
    assert rig.dispatch.queues.waiting == 1
    rig.work.processing[1].set_result(Terminal(()))
    await rig.running(2)
    rig.clock.now += 30
    rig.dispatch.start_ready()
    await rig.running(0, 2)


async def test_a_waiting_run_starts_by_itself_when_its_time_has_come(rig: Rig) -> None:
    """A timer, without any other event."""
    rig.put(0, not_before=NOW + 0.01)
    rig.dispatch.start_ready()
    assert rig.dispatch.running == 0
    rig.clock.now += 0.01
    await rig.running(0)


async def test_a_run_that_waits_for_room_starts_when_there_is_some(rig: Rig) -> None:
    """Long before its time. Room for a run that waits no longer is told to be unwanted, so that another one gets it."""
    run, other = rig.put(0), rig.put(1)
    rig.dispatch.start_ready()
    await rig.running(0, 1)
    run.not_before = other.not_before = NOW + 30
    rooms = [Room(), Room()]
    for work, room in zip((0, 1), rooms, strict=True):
        rig.work.processing[work].set_exception(NotNow("no", room=room))
    await rig.running()
    assert rooms[0].open()
    await rig.running(0)
    rig.dispatch.discard(rig.owners[0])
    assert not rooms[1].open()


async def test_room_that_came_before_the_run_was_back_is_not_missed(rig: Rig) -> None:
    """The ledger was told of it while the run was on its way to its queue."""
    run = rig.put(0)
    rig.dispatch.start_ready()
    await rig.running(0)
    run.not_before = NOW + 30
    room = Room()
    room.open()
    rig.work.processing[0].set_exception(NotNow("no", room=room))
    await eventually(lambda: rig.work.order == [0, 0])


async def test_a_run_that_is_cut_off_is_billed(rig: Rig) -> None:
    """Its calls were made. Its offset is not done: it runs again elsewhere. The slot is free."""
    rig.put(0)
    rig.dispatch.start_ready()
    await rig.running(0)
    rig.owners[0].state = State.ENDED
    await rig.owners[0].cancel_running()
    assert rig.published() == [(None, [b"abandoned 0"])]
    assert (rig.dispatch.running, len(rig.owners[0].running), rig.freed) == (0, 0, 1)


async def test_a_run_that_is_cut_off_before_its_first_step_gives_its_slot_back(rig: Rig) -> None:
    """Such a task never enters its body, so no `finally` in there can count it out."""
    rig.put(0)
    rig.dispatch.start_ready()
    assert rig.dispatch.running == 1
    await rig.owners[0].cancel_running()
    assert (rig.dispatch.running, rig.work.order) == (0, [])
    assert rig.published() == [(None, [b"abandoned 0"])]
    rig.put(1)
    rig.put(2)
    rig.dispatch.start_ready()
    await rig.running(1, 2)


async def test_a_run_that_must_wait_when_its_partition_is_lost_is_billed(rig: Rig) -> None:
    """It cannot go back to the queue; what it used up is not forgotten."""
    rig.put(0)
    rig.dispatch.start_ready()
    await rig.running(0)
    rig.owners[0].state = State.ENDED
    rig.work.processing[0].set_exception(NotNow("no"))
    await rig.running()
    await rig.owners[0].cancel_running()
    assert rig.published() == [(None, [b"abandoned 0"])]
    assert rig.dispatch.queues.ready == 0


async def test_queued_runs_of_a_lost_partition_are_forgotten_and_billed(rig: Rig) -> None:
    """Calls they made before they had to wait are owed; the other partition's runs stay."""
    rig.put(0)
    rig.put(1, not_before=NOW + 50)
    rig.put(2, partition=1)
    rig.owners[0].state = State.ENDED
    rig.dispatch.discard(rig.owners[0])
    assert rig.published() == [(None, [b"abandoned 0"]), (None, [b"abandoned 1"])]
    assert rig.published(1) == []
    rig.dispatch.start_ready()
    await rig.running(2)


async def test_no_run_of_an_ended_assignment_starts(rig: Rig) -> None:
    """Also when it was not discarded yet; the next in the queue gets the slot."""
    rig.put(0)
    rig.put(1, partition=1)
    rig.owners[0].state = State.ENDED
    rig.dispatch.start_ready()
    await rig.running(1)
    assert rig.published() == [(None, [b"abandoned 0"])]


async def test_a_defect_frees_the_slot_and_is_told(rig: Rig) -> None:
    """A run that died without an end holds its partition: the consumer learns of it and ends the worker."""
    rig.put(0)
    rig.put(1)
    rig.dispatch.start_ready()
    await rig.running(0, 1)
    assert rig.dispatch.failure is None
    rig.work.processing[0].set_exception(ZeroDivisionError())
    await rig.running(1)
    assert isinstance(rig.dispatch.failure, ZeroDivisionError)


async def test_a_run_that_was_cancelled_by_nobody_of_ours_is_a_failure(rig: Rig) -> None:
    """A client library may cancel who waits in it.

    The run then ended as one that was cut because its partition is lost: billed, and without an end. But its partition
    was not lost, so its offset was never finished, and nothing behind it was ever committed.
    """
    rig.put(0)
    rig.dispatch.start_ready()
    await rig.running(0)
    rig.work.processing[0].cancel()
    await rig.running()
    assert "cancelled by nobody" in str(rig.dispatch.failure)
    assert rig.work.abandoned == []


async def test_runs_whose_deadline_passed_while_they_waited_are_ended(rig: Rig) -> None:
    """Ready and delayed ones alike; a pass at most once a second; running ones are left to the processor."""
    rig.put(0, deadline=NOW + 5)
    rig.put(1, deadline=NOW + 5)
    rig.dispatch.start_ready()
    rig.put(2, deadline=NOW + 5, not_before=NOW + 4)
    rig.put(3, deadline=NOW + 5)
    rig.put(4, deadline=NOW + 6)
    rig.dispatch.sweep()
    assert rig.published() == []
    rig.clock.now += 5
    rig.dispatch.sweep()
    assert sorted(rig.published(), key=str) == [(2, [b"expired 2"]), (3, [b"expired 3"])]
    assert rig.freed == 2
    rig.clock.now += 0.5
    rig.put(5, deadline=NOW)
    rig.dispatch.sweep()
    assert len(rig.published()) == 2
    rig.clock.now += 0.5
    rig.dispatch.sweep()
    assert len(rig.published()) == 4


async def test_nothing_starts_after_a_stop(rig: Rig) -> None:
    """Running runs go on; queued ones and delayed ones stay."""
    rig.put(0)
    rig.dispatch.start_ready()
    await rig.running(0)
    rig.put(1)
    rig.put(2, not_before=NOW + 0.005)
    rig.dispatch.stop()
    rig.dispatch.start_ready()
    rig.clock.now += 1
    await asyncio.sleep(0.01)
    await rig.running(0)
    rig.work.processing[0].set_result(Terminal(()))
    await rig.running()
    assert rig.published() == [(0, [])]
