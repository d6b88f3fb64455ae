"""Runs that their sender cancels: each ends once, wherever it is, also when something else ends it at the same time."""

import asyncio

import pytest

from streamproc.chain.run import Run, Terminal
from streamproc.errors import NotNow
from streamproc.kafka.assignment import State
from streamproc.records.identity import RunId
from tests.fakes import NOW, eventually
from tests.unit.kafka.dispatch_rig import Rig, record


def cancel(rig: Rig, *runs: Run) -> None:
    """Their senders want no answer any more."""
    rig.cancelled |= {run.id for run in runs}
    rig.dispatch.cancel()


async def test_queued_waiting_and_running_runs_end(rig: Rig) -> None:
    """The first two at once, the last one when its call has hung up; others go on."""
    running, other, queued = rig.put(0), rig.put(1), rig.put(2)
    waiting = rig.put(3, not_before=NOW + 60)
    rig.dispatch.start_ready()
    await rig.running(0, 1)
    cancel(rig, running, queued, waiting)
    assert rig.published() == [(2, [b"cancelled 2"]), (3, [b"cancelled 3"])]
    await rig.running(1)
    assert rig.published()[2:] == [(0, [b"cancelled 0"])]
    assert (rig.dispatch.queues.ready, rig.dispatch.queues.waiting, rig.work.abandoned) == (0, 0, [])
    assert not other.is_cancelled


async def test_a_run_that_was_cancelled_before_it_was_read_ends_without_a_slot(rig: Rig) -> None:
    """Its cancel came first."""
    rig.cancelled.add(RunId("llm.requests", 1, 0, 1))
    rig.put(0, partition=1)
    assert rig.published(1) == [(0, [b"cancelled 0"])]
    assert rig.work.order == []


async def test_a_run_that_is_cancelled_before_its_first_step_ends(rig: Rig) -> None:
    """Such a task never enters its body."""
    run = rig.put(0)
    rig.dispatch.start_ready()
    cancel(rig, run)
    await eventually(lambda: rig.dispatch.running == 0)
    assert rig.published() == [(0, [b"cancelled 0"])]
    assert rig.work.order == []


async def test_a_call_is_cut_once(rig: Rig) -> None:
    """More cancels come while it hangs up: a second cut would meet it in its cleaning up."""
    run = rig.put(0)
    rig.dispatch.start_ready()
    await rig.running(0)
    (task,) = rig.owners[0].running
    cancel(rig, run)
    cancel(rig, run)
    assert task.cancelling() == 1
    await eventually(lambda: rig.dispatch.running == 0)
    assert rig.published() == [(0, [b"cancelled 0"])]


@pytest.mark.parametrize("is_drained_first", [False, True])
async def test_a_drain_at_the_same_time_takes_nothing_away(rig: Rig, is_drained_first: bool) -> None:
    """The run ends as cancelled, once; it is not billed as one that will run again."""
    run = rig.put(0)
    rig.dispatch.start_ready()
    await rig.running(0)
    (task,) = rig.owners[0].running
    if is_drained_first:
        task.cancel()
    cancel(rig, run)
    rig.owners[0].state = State.ENDED
    await rig.owners[0].cancel_running()
    assert rig.published() == [(0, [b"cancelled 0"])]
    assert rig.work.abandoned == []


async def test_a_run_that_ended_in_the_same_moment_keeps_its_end(rig: Rig) -> None:
    """Its task is done, only its callback has not run."""
    run = rig.put(0)
    rig.dispatch.start_ready()
    await rig.running(0)
    rig.work.processing[0].set_result(Terminal((record("whole"),)))
    asyncio.get_running_loop().call_soon(cancel, rig, run)
    await eventually(lambda: rig.dispatch.running == 0)
    assert run.is_cancelled
    assert rig.published() == [(0, [b"whole"])]


@pytest.mark.parametrize("is_back", [False, True])
async def test_a_run_that_gives_its_slot_back_when_it_is_cancelled_ends(rig: Rig, is_back: bool) -> None:
    """It waits for a provider no longer, whether it had just gone back or goes now."""
    run = rig.put(0)
    rig.dispatch.start_ready()
    await rig.running(0)
    rig.work.processing[0].set_exception(NotNow("no"))
    if is_back:
        asyncio.get_running_loop().call_soon(cancel, rig, run)
    else:
        rig.cancelled.add(run.id)
    await eventually(lambda: rig.dispatch.running == 0)
    assert rig.published() == [(0, [b"cancelled 0"])]
    assert rig.dispatch.queues.waiting == 0


async def test_a_cancelled_run_of_a_partition_that_is_claimed_again_ends_with_the_claim(rig: Rig) -> None:
    """It waits aside meanwhile; what it leaves behind could not be published before."""
    run = rig.put(0)
    rig.owners[0].state = State.CLAIMING
    rig.dispatch.start_ready()
    cancel(rig, run)
    assert rig.published() == []
    rig.owners[0].state = State.READY
    rig.dispatch.resume(rig.owners[0])
    assert rig.published() == [(0, [b"cancelled 0"])]


async def test_a_cancelled_run_of_a_lost_partition_is_left_to_the_next_owner(rig: Rig) -> None:
    """Who finds the same cancel; the calls so far are billed here."""
    run = rig.put(0)
    rig.dispatch.start_ready()
    await rig.running(0)
    rig.owners[0].state = State.ENDED
    rig.cancelled.add(run.id)
    rig.work.processing[0].set_exception(NotNow("no"))
    await eventually(lambda: rig.dispatch.running == 0)
    assert rig.published() == [(None, [b"abandoned 0"])]


async def test_a_run_that_swallowed_its_cut_is_cut_again(rig: Rig) -> None:
    """Something on the way down took the first one for its own: the run went on, and its sender waited for ever."""
    swallowed = asyncio.Event()
    process = rig.work.process

    async def swallowing(run: Run) -> Terminal:
        try:
            return await process(run)
        except asyncio.CancelledError:
            swallowed.set()
            return await process(run)

    rig.work.process = swallowing  # type: ignore[method-assign] # work that behaves so
    run = rig.put(0)
    rig.dispatch.start_ready()
    await rig.running(0)
    cancel(rig, run)
    await swallowed.wait()
    for _ in range(2):  # the first sweep may come just after the cut
        rig.clock.now += 2
        rig.dispatch.sweep()
    await eventually(lambda: rig.dispatch.running == 0)
    assert rig.published() == [(0, [b"cancelled 0"])]
