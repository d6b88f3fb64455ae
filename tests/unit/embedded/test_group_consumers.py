"""Consumers of aiokafka in groups of the broker, over TCP."""

from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streamproc.embedded.broker import Broker
from tests.fakes import eventually

PARTITIONS = 6


@pytest.fixture
async def bootstrap() -> AsyncIterator[str]:
    """A broker with the topic `in`."""
    async with Broker() as broker:
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic("in", PARTITIONS, 1)])
        await admin.close()
        yield broker.bootstrap


async def _consumer(bootstrap: str, name: str | None = None) -> AIOKafkaConsumer:
    consumer = AIOKafkaConsumer(
        "in", bootstrap_servers=bootstrap, group_id="readers", group_instance_id=name, heartbeat_interval_ms=50
    )
    await consumer.start()
    return consumer


def _shares(consumers: list[AIOKafkaConsumer]) -> list[int]:
    """How many partitions each has, when together they have all of them."""
    partitions = [partition for consumer in consumers for partition in consumer.assignment()]
    return [len(consumer.assignment()) for consumer in consumers] if len(set(partitions)) == PARTITIONS else []


async def test_three_share_and_one_leaves(bootstrap: str) -> None:
    """Partitions are shared evenly among those who are there."""
    consumers = [await _consumer(bootstrap) for _ in range(3)]
    await eventually(lambda: _shares(consumers) == [2, 2, 2], range(20_000))
    await consumers.pop().stop()
    await eventually(lambda: _shares(consumers) == [3, 3], range(20_000))
    for consumer in consumers:
        await consumer.stop()


async def test_static_member_comes_back(bootstrap: str) -> None:
    """It has its partitions again, though the other one was not disturbed."""
    first, second = await _consumer(bootstrap, "one"), await _consumer(bootstrap, "two")
    await eventually(lambda: _shares([first, second]) == [3, 3], range(20_000))
    before = first.assignment(), second.assignment()
    await second.stop()
    second = await _consumer(bootstrap, "two")
    await eventually(lambda: (first.assignment(), second.assignment()) == before, range(20_000))
    await first.stop()
    await second.stop()
