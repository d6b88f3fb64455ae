"""Looking up offsets by time while records come: two requests, and nothing may fall between them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer, TopicPartition

from streamproc.embedded.faults import Fault
from streamproc.kafka.reader import Place, Reader
from streamproc.kafka.tail import Tail
from tests.contract.broker.topics import make
from tests.contract.broker.wire import Wire
from tests.contract.harness.waiting import eventually
from tests.servers.embedded import EmbeddedBroker

NOW_MS = 1_700_000_000_000


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    """A broker that can be told to be slow."""
    with EmbeddedBroker() as broker:
        yield broker


@pytest_asyncio.fixture
async def producer(broker: EmbeddedBroker, topic_prefix: str) -> AsyncIterator[AIOKafkaProducer]:
    """A producer that has written one old record to a new topic."""
    wire = await Wire.to(broker.bootstrap)
    await make(wire, topic_prefix)
    await wire.close()
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
        await producer.send_and_wait(topic_prefix, b"old", partition=0, timestamp_ms=NOW_MS - 3_600_000)
        yield producer


@asynccontextmanager
async def between_two_answers(broker: EmbeddedBroker, producer: AIOKafkaProducer, topic: str) -> AsyncIterator[None]:
    """While the block looks something up, a record comes after the answer to its first request for offsets."""
    waits = Fault("ListOffsets", delay_seconds=3)
    broker.call(lambda broker: broker.faults.add(Fault("ListOffsets")))
    broker.call(lambda broker: broker.faults.add(waits))

    async def write() -> None:
        await eventually(lambda: waits.met)
        await producer.send_and_wait(topic, b"new", partition=0, timestamp_ms=NOW_MS)

    writing = asyncio.create_task(write())
    yield
    assert writing.done()
    await writing


@pytest.mark.parametrize("kind", [Reader, Tail])
async def test_a_record_that_comes_meanwhile_is_not_passed_over(
    broker: EmbeddedBroker, producer: AIOKafkaProducer, topic_prefix: str, kind: type[Reader] | type[Tail]
) -> None:
    """`cancel --wait` waited a minute for a result that was there.

    No record was young enough at the first answer, and the end, which was asked for after that, stood behind the
    result that had come meanwhile.
    """
    async with AsyncExitStack() as stack:
        options = {"bootstrap_servers": broker.bootstrap}
        one = Reader(options) if kind is Reader else Tail(options, (topic_prefix,))
        await one.start()
        stack.push_async_callback(one.stop)
        async with between_two_answers(broker, producer, topic_prefix):
            if isinstance(one, Reader):
                place = Place(topic_prefix, 0)
                found = (await one.offsets_at([place], NOW_MS - 1000))[place]
            else:
                found = await one.offset_at(TopicPartition(topic_prefix, 0), NOW_MS - 1000)
        assert found == 1
