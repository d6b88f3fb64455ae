"""The reader, on real Kafka: it reads up to an end, and knows when it has got there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streamproc.kafka.reader import Place, Reader


@asynccontextmanager
async def written(bootstrap: str, topic: str) -> AsyncIterator[AIOKafkaProducer]:
    """A producer inside a transaction, which the block's end commits, on a new topic with two partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 2, 1)])
    finally:
        await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=topic)
    await producer.start()
    try:
        async with producer.transaction():
            yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def reading(bootstrap: str) -> AsyncIterator[Reader]:
    """A connected reader."""
    reader = Reader({"bootstrap_servers": bootstrap})
    await reader.start()
    try:
        yield reader
    finally:
        await reader.stop()


async def test_a_reading_ends_where_it_was_told(bootstrap: str, topic_prefix: str) -> None:
    """One partition ends with the mark of a transaction, which is no record; the other goes on behind its end."""
    first, second = Place(topic_prefix, 0), Place(topic_prefix, 1)
    async with written(bootstrap, topic_prefix) as producer:
        for value in (b"0", b"1", b"2"):
            await producer.send_and_wait(topic_prefix, value, partition=0)
            await producer.send_and_wait(topic_prefix, value, partition=1)
    async with reading(bootstrap) as reader:
        ends = {first: 4, second: 2}
        found = [record async for record in reader.read_between({first: 1, second: 0}, ends, 20)]
        assert {place: [record.value for record in found if record.place == place] for place in ends} == {
            first: [b"1", b"2"],
            second: [b"0", b"1"],
        }
        assert [record async for record in reader.read_between({first: 4}, ends, 0)] == []


async def test_a_silent_broker_is_given_up(bootstrap: str, topic_prefix: str) -> None:
    """There should be more, and it does not come."""
    place = Place(topic_prefix, 0)
    async with written(bootstrap, topic_prefix) as producer:
        await producer.send_and_wait(topic_prefix, b"0", partition=0)
    async with reading(bootstrap) as reader:
        with pytest.raises(TimeoutError):
            [_ async for _ in reader.read_between({place: 0}, {place: 9}, 0.05)]
