"""Lanes: a sender that ends by itself is a failure that ends the worker, however it ends."""

import asyncio

from streamproc.kafka.lane import Lane
from streamproc.kafka.lanes import Lanes
from tests.fakes import FakeClock, MemoryProducer, eventually


class Cancelling(MemoryProducer):
    """A client that cancels whoever waits in it, as one that is closed may do."""

    async def send(self, packed: object, topic: str, partition: int) -> int:
        raise asyncio.CancelledError


def lanes(producer: MemoryProducer) -> Lanes:
    """Lanes of a topic."""
    return Lanes(lambda number: Lane(producer, "chunks", number, FakeClock(), lambda _: None), "chunks")


async def test_a_lane_that_was_cancelled_by_nobody_of_ours_is_told() -> None:
    """It ended in silence: the streams of its partition hung, and the worker did not know."""
    made = lanes(Cancelling())
    made.of(0).append(b"k", b"v", (), b"id")
    await eventually(lambda: made.failure is not None)
    assert "chunks-0 was cancelled" in str(made.failure)
    await made.stop()


async def test_lanes_that_are_stopped_are_no_failure() -> None:
    """The end of a worker."""
    made = lanes(MemoryProducer())
    made.of(0).append(b"k", b"v", (), b"id")
    await made.stop()
    assert made.failure is None
