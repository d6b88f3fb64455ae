"""A lane that repeats: what was refused is sent again, in order, until it is stored."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamproc.kafka.lane import Lane
from tests.fakes import FakeClock, MemoryProducer

PLACE = ("llm.journal", 0)


def a_lane(producer: MemoryProducer, sizes: list[int] | None = None) -> Lane:
    """A lane of the journal; `sizes` sees its memory grow and shrink."""
    told = [] if sizes is None else sizes
    return Lane(producer, "llm.journal", 0, FakeClock(), told.append, repeats=True)


def first_seen(producer: MemoryProducer) -> list[bytes | None]:
    """Values as they were stored, each where it stands first."""
    return list(dict.fromkeys(value for _, value, _ in producer.stored.get(PLACE, [])))


@given(st.lists(st.booleans(), max_size=6), st.integers(1, 5), st.lists(st.integers(0, 5), max_size=5))
@settings(max_examples=60)
def test_whatever_is_refused_every_note_is_stored_in_order(refusals: list[bool], most: int, bursts: list[int]) -> None:
    """Refused and stored all the same, or refused and not; in batches small and large, while new notes come in."""

    async def scenario() -> None:
        producer, sizes = MemoryProducer(most_per_batch=most), list[int]()
        producer.refusals.extend(refusals)
        lane = a_lane(producer, sizes)
        sending = asyncio.create_task(lane.run())
        for burst in bursts:
            for _ in range(burst):
                lane.append(b"k", b"%d" % lane.appended, (), b"id")
            await asyncio.sleep(0)
        await lane.acknowledgement(lane.appended)
        sending.cancel()
        assert first_seen(producer) == [b"%d" % number for number in range(lane.appended)]
        assert lane.end == (len(producer.stored[PLACE]) if lane.appended else 0)
        assert sum(sizes) == 0

    asyncio.run(scenario())


@pytest.mark.parametrize("is_stored", [True, False])
async def test_nobody_is_told_before_a_note_is_stored(is_stored: bool) -> None:
    """A refusal acknowledges nothing, though the batch may have been stored: then it stands there twice."""
    producer = MemoryProducer()
    producer.refusals.append(is_stored)
    lane = a_lane(producer)
    sending = asyncio.create_task(lane.run())
    number = lane.append(b"k", b"note", (), b"id")
    waiting = asyncio.create_task(lane.acknowledgement(number))
    while producer.asked < 1 or producer.refusals:
        assert (lane.acknowledged, waiting.done()) == (0, False)
        await asyncio.sleep(0)
    producer.gate.clear()
    for _ in range(10):
        await asyncio.sleep(0)
    assert (lane.acknowledged, waiting.done()) == (0, False)
    producer.gate.set()
    await waiting
    assert len(producer.stored[PLACE]) == 1 + is_stored
    sending.cancel()
