"""The publisher's bounded bytes: when writers have to wait, and when they may go on."""

import asyncio

from streamproc.chain.answer import Answer
from streamproc.kafka.publisher import Publisher
from streamproc.records.identity import RunId
from tests.fakes import FakeClock, MemoryProducer, a_run, eventually
from tests.unit.kafka.streams import SINGLE

BOUND = 20_000


def a_publisher(producer: MemoryProducer, linger_seconds: float = 0.0) -> Publisher:
    """One of single tokens, with a small bound."""
    return Publisher(
        producer,
        "llm.chunks",
        FakeClock(),
        coalescing=SINGLE,
        linger_seconds=linger_seconds,
        max_buffered_bytes=BOUND,
    )


async def test_chunks_linger_as_long_as_set() -> None:
    """All but the first piece, in the lanes of all partitions."""
    producer = MemoryProducer()
    publisher = a_publisher(producer, linger_seconds=10**9)
    for partition in (0, 1):
        writer = publisher.open(a_run(id=RunId("llm.requests", partition, 0, 1)), Answer("p", 10**9))
        writer.text("a")
        await eventually(lambda place=("llm.chunks", partition): len(producer.stored.get(place, [])) == 2)  # type: ignore[misc]
        writer.text("b")
    await asyncio.sleep(0.02)
    assert producer.batches == [2, 2]
    await publisher.stop()


async def test_a_full_buffer_waits_for_no_tick() -> None:
    """Nobody adds anything to it: its writers would wait for the tick, and their providers with them."""
    producer = MemoryProducer()
    publisher = a_publisher(producer, linger_seconds=10**9)
    writer = publisher.open(a_run(), Answer("p", 10**9))
    writer.text("a")
    await eventually(lambda: publisher.buffered_bytes == 0)
    for piece in ("a word", "a word", "x" * 2 * BOUND):
        while not publisher.is_full:
            writer.text(piece)
        async with asyncio.timeout(5):
            await publisher.room()
    await publisher.stop()


async def test_a_buffer_is_full_above_its_bound_and_opens_again_at_half() -> None:
    """Not before the bound, or providers would wait for nothing; not soon after it, or they would wait for each chunk."""
    producer = MemoryProducer(most_per_batch=1)
    producer.gate.clear()
    publisher = a_publisher(producer)
    writer = publisher.open(a_run(), Answer("p", 10**9))
    before = 0
    while not publisher.is_full:
        before = publisher.buffered_bytes
        writer.text("a word")
    assert before <= BOUND < publisher.buffered_bytes

    waiting = asyncio.create_task(publisher.room())
    producer.gate.set()
    seen: list[tuple[int, bool, bool]] = []
    while publisher.buffered_bytes:
        await asyncio.sleep(0)
        seen.append((publisher.buffered_bytes, publisher.is_full, waiting.done()))
    assert any(is_full for held, is_full, _ in seen if held <= BOUND)
    assert [is_full for _, is_full, _ in seen] == [held > BOUND // 2 for held, _, _ in seen]
    assert not any(is_full and is_told for _, is_full, is_told in seen)
    await waiting
    await publisher.stop()
