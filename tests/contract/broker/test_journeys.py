"""Whole journeys with aiokafka's own producer, consumer and admin client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import MessageSizeTooLargeError, ProducerFenced, TopicAlreadyExistsError
from aiokafka.structs import OffsetAndMetadata

from tests.contract.broker.topics import make
from tests.contract.broker.wire import Wire
from tests.contract.harness.waiting import eventually, eventually_found


@pytest_asyncio.fixture
async def admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """An operator."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    yield client
    await client.close()


@pytest_asyncio.fixture
async def topic(wire: Wire, topic_prefix: str) -> str:
    """Four partitions that take records: without acknowledgements nobody would be told that they do not yet."""
    (first, *_) = await make(wire, f"{topic_prefix}.topic", 4)
    return first.topic


@asynccontextmanager
async def writing(bootstrap: str, **changes: Any) -> AsyncIterator[AIOKafkaProducer]:
    """A producer; idempotent unless told otherwise."""
    options = {"enable_idempotence": True, **changes}
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, **options) as producer:
        yield producer


@asynccontextmanager
async def reading(bootstrap: str, *topics: str, **changes: Any) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer from the beginning on, which says often that it lives."""
    options = {"auto_offset_reset": "earliest", "heartbeat_interval_ms": 100, "metadata_max_age_ms": 1_000, **changes}
    async with AIOKafkaConsumer(*topics, bootstrap_servers=bootstrap, **options) as consumer:
        yield consumer


async def take(consumer: AIOKafkaConsumer, count: int) -> list[ConsumerRecord[bytes, bytes]]:
    """So many records."""
    return [await asyncio.wait_for(consumer.getone(), 30) for _ in range(count)]


@pytest.mark.parametrize("compression", [None, "gzip", "snappy", "lz4", "zstd"])
async def test_records_come_back_as_they_went(bootstrap: str, topic: str, compression: str | None) -> None:
    """In the order of each partition, with key, value, headers and time."""
    async with writing(bootstrap, compression_type=compression, linger_ms=5) as producer:
        sent = [
            await producer.send(
                topic,
                b"value %d" % n * 20,
                key=b"key %d" % n,
                partition=n % 4,
                timestamp_ms=1_700_000_000_000 + n,
                headers=[("n", b"%d" % n)],
            )
            for n in range(200)
        ]
        await producer.flush()
        offsets = [(await future).offset for future in sent]
    assert sorted(offsets) == sorted([*range(50)] * 4)
    async with reading(bootstrap, topic) as consumer:
        records = await take(consumer, 200)
    for partition in range(4):
        mine = [record for record in records if record.partition == partition]
        assert [record.offset for record in mine] == list(range(50))
        assert [record.key for record in mine] == [b"key %d" % n for n in range(partition, 200, 4)]
    assert {(record.timestamp, record.headers, record.value) for record in records} == {
        (1_700_000_000_000 + n, (("n", b"%d" % n),), b"value %d" % n * 20) for n in range(200)
    }


@pytest.mark.parametrize("acks", [0, 1, "all"])
async def test_a_producer_without_idempotence_writes(bootstrap: str, topic: str, acks: int | str) -> None:
    """With any number of acknowledgements."""
    async with writing(bootstrap, enable_idempotence=False, acks=acks) as producer:
        for n in range(20):
            await producer.send_and_wait(topic, b"%d" % n, partition=0)
    async with reading(bootstrap, topic) as consumer:
        assert [record.value for record in await take(consumer, 20)] == [b"%d" % n for n in range(20)]


async def test_a_record_that_is_too_large_is_told(bootstrap: str, admin: AIOKafkaAdminClient, topic: str) -> None:
    """The topic's limit is lower than the producer's; a small one goes through afterwards."""
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": "1000"})])

    async def is_set() -> bool:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        return ("max.message.bytes", "1000") in {(name, value) for name, value, *_ in answer.resources[0][4]}

    await eventually_found(is_set)
    async with writing(bootstrap, enable_idempotence=False) as producer:
        with pytest.raises(MessageSizeTooLargeError):
            await producer.send_and_wait(topic, b"x" * 2_000, partition=0)
        assert (await producer.send_and_wait(topic, b"x", partition=0)).offset == 0


async def test_topics_are_made_and_deleted(admin: AIOKafkaAdminClient, topic: str) -> None:
    """By an operator's client."""
    answer = await admin.create_topics([NewTopic(topic, 1, 1)])
    assert [code for _, code, _ in answer.topic_errors] == [TopicAlreadyExistsError.errno]
    (described,) = await admin.describe_topics([topic])
    assert len(described["partitions"]) == 4
    await admin.delete_topics([topic])

    async def is_gone() -> bool:
        return topic not in await admin.list_topics()

    await eventually_found(is_gone)


async def test_members_share_the_partitions(bootstrap: str, topic: str, topic_prefix: str) -> None:
    """One has all, two have two each, and one has all again."""
    group = f"{topic_prefix}.group"
    async with reading(bootstrap, topic, group_id=group) as first:
        await eventually(lambda: len(first.assignment()) == 4)
        async with reading(bootstrap, topic, group_id=group) as second:
            await eventually(lambda: len(first.assignment()) == len(second.assignment()) == 2)
            assert first.assignment() & second.assignment() == set()
        await eventually(lambda: len(first.assignment()) == 4)


async def test_a_successor_goes_on_where_the_group_was(bootstrap: str, topic: str, topic_prefix: str) -> None:
    """Metadata of the commit is kept beside the offset."""
    group, partition = f"{topic_prefix}.group", TopicPartition(topic, 0)
    async with writing(bootstrap) as producer:
        for n in range(10):
            await producer.send_and_wait(topic, b"%d" % n, partition=0)
    async with reading(bootstrap, topic, group_id=group, enable_auto_commit=False) as consumer:
        await take(consumer, 4)
        await consumer.commit({partition: OffsetAndMetadata(4, "claim 7")})
    async with reading(bootstrap, topic, group_id=group, enable_auto_commit=False) as consumer:
        assert [record.value for record in await take(consumer, 6)] == [b"%d" % n for n in range(4, 10)]
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        assert await admin.list_consumer_group_offsets(group) == {partition: OffsetAndMetadata(4, "claim 7")}
        assert (group, "consumer") in await admin.list_consumer_groups()
        (described,) = await admin.describe_consumer_groups([group])
        assert described.groups[0][2] == "Empty"
    finally:
        await admin.close()


async def test_positions_are_found_by_time_and_by_ends(bootstrap: str, topic: str) -> None:
    """What a late reader needs."""
    partition = TopicPartition(topic, 1)
    async with writing(bootstrap) as producer:
        for n in range(10):
            await producer.send_and_wait(topic, b"%d" % n, partition=1, timestamp_ms=1_700_000_000_000 + 10 * n)
    async with reading(bootstrap) as consumer:
        consumer.assign([partition])
        assert await consumer.beginning_offsets([partition]) == {partition: 0}
        assert await consumer.end_offsets([partition]) == {partition: 10}
        found = await consumer.offsets_for_times({partition: 1_700_000_000_035})
        assert (found[partition].offset, found[partition].timestamp) == (4, 1_700_000_000_040)
        consumer.seek(partition, 4)
        assert (await take(consumer, 1))[0].value == b"4"


async def test_committed_readers_see_whole_transactions_only(bootstrap: str, topic: str, topic_prefix: str) -> None:
    """Others see everything, also what was aborted."""
    async with writing(bootstrap, transactional_id=topic_prefix) as producer:
        for n in range(4):
            await producer.begin_transaction()
            for partition in range(4):
                await producer.send_and_wait(topic, b"%d" % n, partition=partition)
            await (producer.commit_transaction() if n % 2 else producer.abort_transaction())
    async with (
        reading(bootstrap, topic, isolation_level="read_committed") as committed,
        reading(bootstrap, topic) as everything,
    ):
        assert {record.value for record in await take(committed, 8)} == {b"1", b"3"}
        assert {record.value for record in await take(everything, 16)} == {b"0", b"1", b"2", b"3"}


async def test_a_second_producer_of_an_id_fences_the_first(bootstrap: str, topic: str, topic_prefix: str) -> None:
    """Its open transaction is aborted; it cannot commit."""
    async with writing(bootstrap, transactional_id=topic_prefix) as first:
        await first.begin_transaction()
        await first.send_and_wait(topic, b"zombie", partition=0)
        async with writing(bootstrap, transactional_id=topic_prefix) as second, second.transaction():
            await second.send_and_wait(topic, b"successor", partition=0)
        with pytest.raises(ProducerFenced):
            await first.commit_transaction()
    async with reading(bootstrap, topic, isolation_level="read_committed") as consumer:
        assert [record.value for record in await take(consumer, 1)] == [b"successor"]


async def test_a_stream_is_processed_exactly_once(bootstrap: str, topic: str, topic_prefix: str) -> None:
    """Read, write and commit in one transaction; a crash in between leaves nothing of its work to be seen."""
    group, out = f"{topic_prefix}.group", TopicPartition(topic, 3)
    source = TopicPartition(topic, 0)
    async with writing(bootstrap) as producer:
        for n in range(6):
            await producer.send_and_wait(topic, b"%d" % n, partition=0)

    async def process(count: int, *, crash: bool) -> None:
        async with (
            writing(bootstrap, transactional_id=topic_prefix) as producer,
            reading(bootstrap, group_id=group, enable_auto_commit=False) as consumer,
        ):
            consumer.assign([source])
            for record in await take(consumer, count):
                await producer.begin_transaction()
                await producer.send(topic, b"done " + (record.value or b""), partition=3)
                offsets = {source: OffsetAndMetadata(record.offset + 1, f"after {record.offset}")}
                await producer.send_offsets_to_transaction(offsets, group)
                if crash and record.offset == 2:
                    await producer.flush()
                    await producer.abort_transaction()
                    return
                await producer.commit_transaction()

    await process(6, crash=True)
    await process(4, crash=False)
    async with reading(bootstrap, isolation_level="read_committed") as consumer:
        consumer.assign([out])
        assert [record.value for record in await take(consumer, 6)] == [b"done %d" % n for n in range(6)]
