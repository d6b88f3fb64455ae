"""A transactor whose broker falls silent: the partition is claimed again in time, instead of waiting for ever."""

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaTimeoutError

from streamproc.embedded.broker import Broker
from streamproc.embedded.codes import Code
from streamproc.embedded.faults import Fault
from streamproc.errors import PublishFailed
from streamproc.kafka.transactor import Transactor
from streamproc.records.outgoing import Outgoing
from streamproc.system_clock import SystemClock
from tests.servers.embedded import EmbeddedBroker

SOURCE = TopicPartition("requests", 0)
OUTPUTS = ("results", "usage")


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    """A broker that may be hurt."""
    with EmbeddedBroker() as broker:
        yield broker


async def new_transactor(broker: EmbeddedBroker, delivery_seconds: float = 0.5) -> tuple[Any, Transactor]:
    """One of little patience, not yet started, and its client."""
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1) for name in (SOURCE.topic, *OUTPUTS)])
    await admin.close()
    client = AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap, transactional_id="group/requests/0", request_timeout_ms=30_000
    )
    names: Any = {name: name for name in OUTPUTS}
    return client, Transactor(client, names, "group", SOURCE, SystemClock(), delivery_seconds=delivery_seconds)


def add(fault: Fault, broker: Broker) -> None:
    """From now on a request meets it."""
    broker.faults.add(fault)


def silence(broker: EmbeddedBroker, api: str) -> None:
    """No request of this API is answered any more."""
    broker.call(partial(add, Fault(api, delay_seconds=3600, times=None)))


@pytest.mark.parametrize("api", ["Produce", "AddPartitionsToTxn", "AddOffsetsToTxn", "TxnOffsetCommit", "EndTxn"])
async def test_a_commit_that_is_never_answered_breaks_in_time(broker: EmbeddedBroker, api: str) -> None:
    """Nothing but the poll loop is watched: a partition whose commit hung stood still, and nobody heard of it."""
    client, transactor = await new_transactor(broker)
    await client.start()
    try:
        records = [Outgoing("results", b"k", b"v", ()), Outgoing("usage", b"k", b"v", ())]
        silence(broker, api)
        async with asyncio.timeout(30):
            with pytest.raises(PublishFailed, match="a transaction of requests/0 broke: TimeoutError"):
                await transactor.commit(records, 1, "")
    finally:
        await transactor.stop()


async def test_a_refused_record_leaves_nobody_waiting(broker: EmbeddedBroker) -> None:
    """Whoever sent the others waited on for ever, for a client that was closed meanwhile."""
    client, transactor = await new_transactor(broker, delivery_seconds=60)
    await client.start()
    refused = Fault("Produce", "results", 0, error=Code.POLICY_VIOLATION, times=None)
    retried = Fault("Produce", "usage", 0, error=Code.NOT_LEADER_OR_FOLLOWER, times=None)
    for fault in (refused, retried):
        broker.call(partial(add, fault))
    try:
        records = [Outgoing("results", b"k", b"v", ()), Outgoing("usage", b"k", b"v", ())]
        with pytest.raises(PublishFailed, match="PolicyViolation"):
            await transactor.commit(records, 1, "")
        await asyncio.sleep(0)
        assert not [task for task in asyncio.all_tasks() if "Transactor" in repr(task.get_coro())]
    finally:
        await transactor.stop()


async def test_a_start_that_is_never_answered_fails_in_time(broker: EmbeddedBroker) -> None:
    """The claim tells of it, and tries again."""
    _, transactor = await new_transactor(broker)
    silence(broker, "InitProducerId")
    try:
        async with asyncio.timeout(30):
            with pytest.raises(KafkaTimeoutError, match="no coordinator of transactions answers"):
                await transactor.start()
    finally:
        await transactor.stop()
