"""A stream that starts again, and what it is to be acknowledged."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from streamproc.chain.provider import Reasoning, Restarted, Text, ToolCallPart
from tests.fakes import eventually
from tests.unit.kafka.streams import NEVER, Rig


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """A lane that stores at once."""
    made = Rig()
    yield made
    await made.stop()


async def test_a_restart_begins_again_from_zero(rig: Rig) -> None:
    """Under the run's new attempt; text that waited for company belongs to the lost one and is not sent."""
    stream = rig.open(NEVER)
    stream.add(Text("a"), Text("lost"))
    stream.run.progress.restart()
    stream.add(Restarted(1001, "cut"), Text("b"))
    stream.writer.end()
    assert [told[:4] for told in await rig.told()] == [
        (1000, 0, "start", ""), (1000, 1, "text", "a"),
        (1001, 0, "start", ""), (1001, 1, "text", "b"), (1001, 2, "end", ""),
    ]  # fmt: skip
    assert stream.writer.chunk_count == 3


@pytest.mark.parametrize("was_stored", [False, True])
async def test_a_failed_publish_says_everything_again_under_a_higher_attempt(rig: Rig, was_stored: bool) -> None:
    """Whether the lost batch was stored is not known: no later chunk follows a hole, and nothing is bought again."""
    rig.producer.refusals.append(was_stored)
    stream = rig.open()
    stream.add(
        Reasoning("r"), Text("a"), ToolCallPart(3, "c", "f", "{"), ToolCallPart(8, "d", "g", "[]"),
        ToolCallPart(3, None, None, "}"), Text("b"),
    )  # fmt: skip
    await eventually(lambda: stream.run.progress.attempt == 1001)
    stream.add(Text("c"))
    stream.writer.end()
    assert [told for told in await rig.told() if told[0] == 1001] == [
        (1001, 0, "start", "", 0),
        (1001, 1, "reasoning", "r", 0),
        (1001, 2, "tool_call", "{}", 0),
        (1001, 3, "tool_call", "[]", 0),
        (1001, 4, "text", "ab", 0),
        (1001, 5, "text", "c", 2),
        (1001, 6, "end", "", 0),
    ]
    assert [chunk.tool_index for chunk in rig.stored if chunk.attempt == 1001 and chunk.kind == "tool_call"] == [3, 8]
    assert stream.writer.chunk_count == 7
    assert any(chunk.attempt == 1000 for chunk in rig.stored) is was_stored
    assert rig.buffered == 0


async def test_a_failed_publish_after_the_end_sends_the_end_again(rig: Rig) -> None:
    """And whoever waits for the acknowledgement waits for the new attempt's."""
    stream = rig.open()
    rig.producer.gate.clear()
    rig.producer.refusals.extend([False, False])
    stream.add(Text("a"))
    stream.writer.end()
    waiting = asyncio.create_task(stream.writer.acknowledged())
    await asyncio.sleep(0.005)
    assert not waiting.done()
    rig.producer.gate.set()
    await waiting
    assert [told[:4] for told in await rig.told()] == [
        (1002, 0, "start", ""), (1002, 1, "text", "a"), (1002, 2, "end", ""),
    ]  # fmt: skip
    assert stream.run.progress.attempt == 1002


async def test_a_failed_publish_touches_only_streams_that_began(rig: Rig) -> None:
    """Open streams of the same partition start again; one without a chunk, and one that is closed, do not."""
    began, other, silent, closed = (rig.open(NEVER) for _ in range(4))
    rig.producer.refusals.append(False)
    for stream in (began, other, closed):
        stream.add(Text("a"))
    closed.writer.close()
    await eventually(lambda: began.run.progress.attempt == 1001)
    await rig.told()
    attempts = [stream.run.progress.attempt for stream in (began, other, silent, closed)]
    assert attempts == [1001, 1001, 1000, 1000]
    silent.add(Text("b"))
    assert (await rig.told())[-1][:4] == (1000, 1, "text", "b")


async def test_an_acknowledgement_means_that_kafka_has_every_chunk(rig: Rig) -> None:
    """Not before; a stream without chunks waits for nothing; waiting that is cancelled harms nobody."""
    await rig.open().writer.acknowledged()
    rig.producer.gate.clear()
    stream = rig.open()
    stream.add(Text("a"))
    waiting = [asyncio.create_task(stream.writer.acknowledged()) for _ in range(2)]
    await asyncio.sleep(0.005)
    assert not any(task.done() for task in waiting)
    waiting[0].cancel()
    rig.producer.gate.set()
    await waiting[1]
    assert len(rig.stored) == 2
    assert waiting[0].cancelled()
