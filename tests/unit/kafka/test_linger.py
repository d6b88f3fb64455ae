"""What can wait, and the ticks at which it leaves."""

import asyncio
import gc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.chain.provider import Reasoning, Text
from streamproc.kafka.lane import Lane, last_tick
from streamproc.kafka.writer import Coalescing
from tests.fakes import FakeClock, MemoryProducer, eventually
from tests.unit.kafka.streams import JOINED, NEVER, SINGLE, Rig

NOBODY_LIVES_SO_LONG = 10**9


async def test_only_the_first_piece_of_an_answer_leaves_before_the_tick() -> None:
    """The others wait, also when a batch comes back meanwhile; the first piece of another answer takes them along."""
    rig = Rig(NOBODY_LIVES_SO_LONG)
    stream = rig.open()
    stream.add(Text("a"))
    stream.add(Text("b"))
    await eventually(lambda: rig.lane.acknowledged == 3)  # queued in the same moment, so it is in the same batch
    stream.add(Text("c"), Text("d"))
    await asyncio.sleep(0.02)
    assert (rig.lane.acknowledged, rig.lane.appended) == (3, 5)

    other = rig.open(offset=1)
    other.add(Text("x"))
    await eventually(lambda: rig.lane.acknowledged == 7)
    assert [chunk.text for chunk in rig.stored] == ["", "a", "b", "c", "d", "", "x"]
    await rig.stop()


@pytest.mark.parametrize("coalescing", [SINGLE, NEVER])
async def test_a_first_piece_hurries_also_when_the_start_has_left_alone(coalescing: Coalescing) -> None:
    """A provider may begin with thoughts that it keeps for itself: the first token waited for a tick or for company."""
    rig = Rig(NOBODY_LIVES_SO_LONG)
    stream = rig.open(coalescing)
    stream.add(Reasoning(""))
    await eventually(lambda: rig.lane.acknowledged == 1)
    stream.add(Text(""), Text("a"), Text("b"))
    await eventually(lambda: rig.lane.acknowledged >= 2)
    assert [chunk.text for chunk in rig.stored][:2] == ["", "a"]
    await rig.stop()


async def test_what_came_while_a_batch_was_under_way_waits_for_its_tick() -> None:
    """A lane that is never idle would not wait otherwise, and send a request for each token or two."""
    rig = Rig(NOBODY_LIVES_SO_LONG)
    rig.producer.gate.clear()
    stream = rig.open()
    stream.add(Text("a"))
    await eventually(lambda: rig.producer.asked == 1)
    stream.add(Text("b"))
    rig.producer.gate.set()
    await eventually(lambda: rig.lane.acknowledged == 2)
    await asyncio.sleep(0.02)
    assert (rig.lane.acknowledged, rig.lane.appended) == (2, 3)
    await rig.stop()


async def test_each_piece_has_its_tick() -> None:
    """Also after one that found nothing left to send."""
    rig = Rig(0.005)
    stream = rig.open()
    for number in range(4):
        stream.add(Text("a"), Text("b"))
        await eventually(lambda count=number: rig.lane.acknowledged == 2 * count + 3)  # type: ignore[misc]
    await rig.stop()


async def test_who_waits_for_the_end_does_not_wait_for_a_tick() -> None:
    """The result stands behind it."""
    rig = Rig(NOBODY_LIVES_SO_LONG)
    stream = rig.open()
    stream.add(Text("a"))
    await eventually(lambda: rig.lane.acknowledged == 2)
    stream.add(Text("b"))
    stream.writer.end()
    async with asyncio.timeout(5):
        await stream.writer.acknowledged()
    assert [chunk.kind for chunk in rig.stored] == ["start", "text", "text", "end"]
    await rig.stop()


async def test_joined_text_leaves_when_its_own_time_is_over() -> None:
    """It has waited for company already."""
    rig = Rig(NOBODY_LIVES_SO_LONG)
    stream = rig.open(JOINED)
    stream.add(Text("a"), Text("b"), Text("c"))
    await eventually(lambda: rig.lane.acknowledged == 3)
    assert [chunk.text for chunk in rig.stored] == ["", "a", "bc"]
    await rig.stop()


async def test_each_writers_text_has_its_own_time() -> None:
    """What one has joined for long enough ends nobody else's joining."""
    rig = Rig()
    first, second = rig.open(JOINED), rig.open(NEVER, offset=1)
    for stream in (first, second):
        stream.add(Text("a"), Text("b"))
    await eventually(lambda: rig.lane.acknowledged == 5)
    assert [chunk.text for chunk in rig.stored] == ["", "a", "", "a", "b"]
    await asyncio.sleep(0.02)
    assert rig.lane.appended == 5
    await rig.stop()


async def test_a_writer_whose_text_has_left_is_held_by_nothing() -> None:
    """Each run has its own, and a lane lives as long as the worker."""
    rig = Rig()
    stream = rig.open(JOINED)
    stream.add(Text("a"), Text("b"))
    await eventually(lambda: rig.lane.acknowledged == 3)
    stream.writer.close()
    writer = weakref.ref(stream.writer)
    del stream
    gc.collect()
    assert writer() is None
    await rig.stop()


async def test_lanes_send_at_the_same_ticks() -> None:
    """Begun at different moments, their records are in the producer's hands at one: it sends them in one request."""
    producer = MemoryProducer()
    producer.gate.clear()
    lanes = [Lane(producer, "llm.chunks", number, FakeClock(), lambda _: None, 0.2) for number in range(4)]
    sending = [asyncio.create_task(lane.run()) for lane in lanes]
    loop = asyncio.get_running_loop()
    await asyncio.sleep(last_tick(loop.time(), 0.2, 0.2) - loop.time() + 0.01)
    for lane in lanes:
        lane.append(b"k", b"v", (), b"id", can_wait=True)
        await asyncio.sleep(0.001)
    assert producer.asked == 0
    await eventually(lambda: producer.asked > 0)
    await asyncio.sleep(0)
    assert producer.asked == len(lanes)
    for task in sending:
        task.cancel()


async def test_a_lane_that_is_closed_is_held_by_no_timer() -> None:
    """Neither by its tick nor by the one of joined text."""
    rig = Rig(NOBODY_LIVES_SO_LONG)
    lane = weakref.ref(rig.lane)
    rig.lane.append(b"k", b"v", (), b"id", can_wait=True)
    rig.lane.flush_later(rig.open(JOINED).writer, NOBODY_LIVES_SO_LONG)
    await rig.stop()
    del rig
    await asyncio.sleep(0)
    gc.collect()
    assert lane() is None


@given(st.integers(0, 10**9), st.integers(1, 10_000), st.integers(1, 1000), st.integers(1, 10_000))
def test_a_tick_is_in_time_and_common(now: int, wait: int, apart: int, more: int) -> None:
    """Never in the past and never too late; whoever comes later and has time until then has the same one.

    In units of 1/1024 s, so that sums of floats are exact.
    """
    at = last_tick(now / 1024, wait / 1024, apart / 1024) * 1024
    assert now < at <= now + wait
    if at < now + wait:
        assert at % apart == 0
        later = min(now + more, at - 1)
        assert last_tick(later / 1024, (at - later) / 1024, apart / 1024) * 1024 == at


def test_without_ticks_all_the_time_is_used() -> None:
    """And where none is near enough."""
    assert last_tick(5.5, 0.25, 0.0) == 5.75
    assert last_tick(5.5, 0.25, 1.0) == 5.75
    assert last_tick(5.5, 2.0, 1.0) == 7.0
    assert last_tick(5.5, 0.25, 1e-310) == 5.75
