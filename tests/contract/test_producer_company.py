"""Batches of several partitions share their requests to Kafka."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streamproc.embedded.faults import Fault
from streamproc.kafka.producer import Producer, pack
from tests.fakes import Seen, eventually
from tests.servers.embedded import EmbeddedBroker

ROUNDS = 10


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    """A broker that takes its time."""
    with EmbeddedBroker() as broker:
        yield broker


async def test_a_partition_s_next_batch_goes_with_one_that_has_waited(broker: EmbeddedBroker) -> None:
    """Two busy partitions took turns, each with requests of its own.

    While a batch of the first was under way, one of the second waited. The first heard of its acknowledgement some
    turns of the loop later than the client's sender, which had sent the other batch alone by then; and so it went on,
    with twice the requests and twice the time for each token.
    """
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("chunks", 2, 1)])
    await admin.close()
    producer = Producer({"bootstrap_servers": broker.bootstrap}, Seen())
    await producer.start()

    async def send(partition: int, rounds: int) -> None:
        for _ in range(rounds):
            await producer.send(pack(producer.new_batch, [(b"k", b"v", [])], None), "chunks", partition)

    try:
        for partition in (0, 1):
            await send(partition, 1)
        slow = Fault("Produce", delay_seconds=0.05, times=None)
        broker.call(lambda broker: broker.faults.add(slow))
        first = asyncio.create_task(send(0, ROUNDS))
        await eventually(lambda: slow.met == 1)
        await asyncio.gather(first, send(1, ROUNDS))
        assert ROUNDS < slow.met <= ROUNDS + 3
    finally:
        await producer.stop()
