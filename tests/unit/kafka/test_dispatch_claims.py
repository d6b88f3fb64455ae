"""Runs of a partition that is claimed again while they run, wait or stand in the queue."""

from streamproc.chain.run import Terminal
from streamproc.errors import NotNow
from streamproc.kafka.assignment import State
from tests.unit.kafka.dispatch_rig import Rig, record


async def test_runs_of_a_partition_that_is_claimed_again_wait_for_it(rig: Rig) -> None:
    """Its running call goes on, its queued run and one that could not go on wait aside, and nothing of it is billed."""
    for offset in range(3):
        rig.put(offset)
    rig.put(3, partition=1)
    rig.dispatch.start_ready()
    await rig.running(0, 1)
    rig.owners[0].state = State.CLAIMING
    rig.work.processing[1].set_exception(NotNow("no"))
    await rig.running(0, 3)
    rig.work.processing[0].set_result(Terminal((record("zero"),)))
    await rig.running(3)
    assert rig.published() == [(0, [b"zero"])]
    assert rig.work.abandoned == []
    rig.owners[0].state = State.READY
    rig.dispatch.resume(rig.owners[0])
    rig.work.processing[3].set_result(Terminal(()))
    await rig.running(1, 2)


async def test_runs_that_wait_for_a_claim_are_billed_when_the_partition_is_lost(rig: Rig) -> None:
    """Nobody else knows of the calls they made."""
    rig.put(0)
    rig.owners[0].state = State.CLAIMING
    rig.dispatch.start_ready()
    assert rig.published() == []
    rig.owners[0].state = State.ENDED
    rig.dispatch.discard(rig.owners[0])
    assert rig.published() == [(None, [b"abandoned 0"])]
