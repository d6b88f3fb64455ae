"""The sender on a broker that does not answer, or refuses: everyone who waits hears what became of his record."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streamproc.embedded.broker import Broker
from streamproc.embedded.codes import Code
from streamproc.embedded.faults import Fault
from streamproc.errors import PublishFailed
from streamproc.kafka.sender import Sender
from streamproc.records.identity import RunId
from tests.servers.embedded import EmbeddedBroker

TOPIC = "requests"
PARTITIONS = 4
FOR_EVER = 3600.0
RECORDS = 100
SEEDS = range(int(os.environ.get("STREAMPROC_TEST_SEEDS", "2")))


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    """A broker that may be hurt."""
    with EmbeddedBroker() as broker:
        yield broker


def add(fault: Fault, broker: Broker) -> Fault:
    """From now on a request meets it."""
    return broker.faults.add(fault)


def remove(fault: Fault, broker: Broker) -> None:
    """Nobody meets it any more."""
    broker.faults.remove(fault)


@asynccontextmanager
async def sending(broker: EmbeddedBroker, delivery_seconds: float) -> AsyncIterator[Sender]:
    """A sender of little patience, and its topic."""
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])
    await admin.close()
    options = {"bootstrap_servers": broker.bootstrap, "request_timeout_ms": 1000}
    sender = Sender(options, delivery_seconds=delivery_seconds, last_seconds=0.2)
    await sender.start()
    try:
        yield sender
    finally:
        await sender.stop()


async def send(sender: Sender, name: str, partition: int = 0) -> RunId:
    """Sends one record and waits for what becomes of it."""
    return await (await sender.send(TOPIC, b"k", name.encode(), (), 1, partition=partition, what=name))


async def send_at_last(sender: Sender, name: str) -> RunId:
    """The same, again until it is stored: on a busy machine little patience may be too little."""
    while True:
        with suppress(PublishFailed):
            return await send(sender, name)


async def stored(broker: EmbeddedBroker) -> list[list[str]]:
    """What stands in each partition."""
    keys = [TopicPartition(TOPIC, number) for number in range(PARTITIONS)]
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign(keys)
        found: list[list[str]] = [[] for _ in keys]
        ends = await consumer.end_offsets(keys)
        while any([await consumer.position(key) < end for key, end in ends.items()]):
            for key, records in (await consumer.getmany(timeout_ms=200)).items():
                found[key.partition] += [record.value.decode() for record in records]
        return found
    finally:
        await consumer.stop()


async def test_a_record_that_is_never_answered_is_told_in_time(broker: EmbeddedBroker) -> None:
    """A sender waited without an end: `submit` would have stood still for good, with no word of it.

    An idempotent producer of aiokafka's tries for ever. What comes after that goes out by a new client.
    """
    async with sending(broker, 1.0) as sender, asyncio.timeout(30):
        silence = broker.call(partial(add, Fault("Produce", delay_seconds=FOR_EVER, times=None)))
        with pytest.raises(PublishFailed, match=r"requests may have taken one or not: no broker has answered .* 1 s"):
            await send(sender, "one")
        broker.call(partial(remove, silence))
        assert str(await send_at_last(sender, "two")).startswith("requests/0/")


async def test_a_partition_is_written_on_after_a_refusal(broker: EmbeddedBroker) -> None:
    """One refused record broke its partition for this client for good: all later ones were out of order."""
    async with sending(broker, 10.0) as sender:
        assert (await send(sender, "zero")).offset == 0
        broker.call(partial(add, Fault("Produce", TOPIC, 0, error=Code.POLICY_VIOLATION)))
        with pytest.raises(PublishFailed, match="requests did not take one: "):
            await send(sender, "one")
        assert (await send(sender, "two")).offset == 1
        assert await stored(broker) == [["zero", "two"], [], [], []]


async def test_who_waits_when_the_sender_stops_hears_of_it(broker: EmbeddedBroker) -> None:
    """The stop waited for the broker, without an end, and so did whoever waited for a record."""
    async with asyncio.timeout(30):
        async with sending(broker, 60.0) as sender:
            broker.call(partial(add, Fault("Produce", delay_seconds=FOR_EVER, times=None)))
            waiting = asyncio.create_task(send(sender, "one"))
            await asyncio.sleep(0.1)
        with pytest.raises(PublishFailed, match=r"may have taken one or not: .*given up"):
            await waiting
        with pytest.raises(PublishFailed, match="the sender is stopped"):
            await send(sender, "two")


SILENT = [
    Fault("Produce", drop="after"),
    Fault("Produce", drop="before"),
    Fault("Produce", delay_seconds=FOR_EVER),
    Fault("Produce", error=Code.NOT_LEADER_OR_FOLLOWER),
    Fault("Metadata", drop="before"),
]
# None of these is stored; a record that is refused when it is sent once more may be there by its first try.
REFUSING = [*SILENT[1:], Fault("Produce", error=Code.POLICY_VIOLATION), Fault("InitProducerId", drop="before")]


@pytest.mark.parametrize("faults", [SILENT, REFUSING], ids=["silent", "refusing"])
@pytest.mark.parametrize("seed", SEEDS)
async def test_what_is_told_is_true(broker: EmbeddedBroker, seed: int, faults: list[Fault]) -> None:
    """Under faults: what is told as stored is there once, what is told as refused is not there, and order is kept."""
    random = Random(seed)
    told: dict[str, str] = {}
    met: list[Fault] = []

    async def wait(name: str, waiting: Awaitable[RunId]) -> None:
        try:
            await waiting
            told[name] = "stored"
        except PublishFailed as problem:
            told[name] = "unknown" if "may have taken" in str(problem) else "refused"

    async with sending(broker, 1.5) as sender, asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for number in range(RECORDS):
            if random.random() < 0.05:
                met.append(broker.call(partial(add, replace(random.choice(faults)))))
            name, partition = f"{number:03}", random.randrange(PARTITIONS)
            try:
                waiting = await sender.send(TOPIC, b"k", name.encode(), (), 1, partition=partition, what=name)
            except PublishFailed:
                told[name] = "refused"
            else:
                tasks.create_task(wait(name, waiting))
            await asyncio.sleep(random.random() * 0.02)
    for fault in met:
        broker.call(partial(remove, fault))
    found = await stored(broker)
    names = [name for partition in found for name in partition]
    assert len(told) == RECORDS
    assert len(names) == len(set(names))
    assert {name for name, fate in told.items() if fate == "stored"} <= set(names)
    assert {name for name, fate in told.items() if fate == "refused"}.isdisjoint(names)
    assert all(partition == sorted(partition) for partition in found)
    assert "stored" in told.values()
