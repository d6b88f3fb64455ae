"""Dispatch: runs that are deferred, and runs that were; each ends with the partition that its record stands in."""

from typing import Any

from streamproc.chain.run import Run, Terminal
from streamproc.kafka.assignment import State
from streamproc.kafka.deferring import Bounds
from streamproc.records.identity import RunId
from tests.fakes import NOW, a_request
from tests.unit.kafka.dispatch_rig import Rig, record

ELSEWHERE = RunId("other", 7, 70, 1)
"""A deferred run's record stands at another offset than its request, and in another topic."""

LATER: dict[str, Any] = {"request": a_request(not_before="2027-01-15T09:00:00Z"), "not_before": NOW + 60}


def crowded(rig: Rig) -> Rig:
    """The same dispatch, on partitions that have twenty offsets where there is room for as many."""
    rig.dispatch._bounds = Bounds(20, 10**6)
    return rig


def sweep(rig: Rig) -> None:
    """Lets a second pass."""
    rig.clock.now += 1
    rig.dispatch.sweep()


def test_runs_that_wait_are_deferred_when_their_window_is_crowded(rig: Rig) -> None:
    """Their partition has the record to publish, and room is told of; others stay."""
    rig.put(3, **LATER)
    rig.put(4)
    rig.put(5, not_before=NOW + 60)
    sweep(rig)
    assert (rig.published(), rig.freed) == ([], 0)
    sweep(crowded(rig))
    assert (rig.published(), rig.freed) == ([(3, [b"deferred 3"])], 1)
    assert (rig.dispatch.queues.ready, rig.dispatch.queues.waiting) == (1, 1)
    sweep(rig)
    assert len(rig.published()) == 1


def test_runs_of_a_partition_that_is_not_ours_for_sure_are_not_deferred(rig: Rig) -> None:
    """Nothing could be committed there; after the claim it goes on."""
    rig.put(3, **LATER)
    rig.put(4, partition=1, **LATER)
    rig.owners[0].state = State.HELD
    sweep(crowded(rig))
    assert (rig.published(0), rig.published(1)) == ([], [(4, [b"deferred 4"])])


def test_a_run_that_cannot_be_deferred_stays(rig: Rig) -> None:
    """Its record would be too large: it waits where it is, and starts at its time."""

    def refuse(run: Run) -> Terminal | None:
        return None if run.offset == 3 else Terminal((record("deferred"),))

    rig.work.defer = refuse  # type: ignore[method-assign] # the rig's own work, made to refuse
    rig.put(3, **LATER)
    rig.put(4, **LATER)
    sweep(crowded(rig))
    assert rig.published() == [(4, [b"deferred"])]
    assert rig.dispatch.queues.waiting == 1


async def test_a_deferred_run_ends_with_its_own_record(rig: Rig) -> None:
    """However it ends: its id names another record, and with that one its request topic is done."""
    rig.put(1, id=ELSEWHERE)
    rig.dispatch.start_ready()
    await rig.running(1)
    rig.work.processing[1].set_result(Terminal((record("answered"),)))
    await rig.running()
    rig.put(2, id=ELSEWHERE, not_before=NOW + 60, deadline=NOW + 1)
    sweep(rig)
    rig.put(3, id=ELSEWHERE, not_before=NOW + 60)
    rig.cancelled.add(ELSEWHERE)
    rig.dispatch.cancel()
    rig.put(4, id=ELSEWHERE)
    assert rig.published() == [
        (1, [b"answered"]),
        (2, [b"expired 2"]),
        (3, [b"cancelled 3"]),
        (4, [b"cancelled 4"]),
    ]


def test_a_deferred_run_is_lost_with_its_own_partition(rig: Rig) -> None:
    """And not with the one of its request, which may stay or go by itself."""
    rig.put(1, id=RunId("llm.requests", 1, 70, 1))
    rig.dispatch.discard(rig.owners[1])
    assert rig.dispatch.queues.ready == 1
    rig.dispatch.discard(rig.owners[0])
    assert rig.dispatch.queues.ready == 0
    assert (rig.published(0), rig.published(1)) == ([(None, [b"abandoned 1"])], [])
