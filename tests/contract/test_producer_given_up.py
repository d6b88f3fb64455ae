"""A producer that is replaced while another partition's batch is under way in it."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streamproc.embedded.faults import Fault
from streamproc.errors import PublishFailed
from streamproc.kafka.producer import Producer, pack
from tests.fakes import Seen
from tests.servers.embedded import EmbeddedBroker


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    """A broker that may be hurt."""
    with EmbeddedBroker() as broker:
        yield broker


async def _create_chunks(broker: EmbeddedBroker) -> None:
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("chunks", 1, 1)])
    await admin.close()


async def test_a_batch_that_nobody_answers_any_more_fails(broker: EmbeddedBroker) -> None:
    """Its waiter waited for ever once its producer had been given up: the streams of its partition hung for good."""
    await _create_chunks(broker)
    options = {"bootstrap_servers": broker.bootstrap, "request_timeout_ms": 3000}
    producer = Producer(options, Seen(), retire_seconds=0.2)
    await producer.start()

    async def send(topic: str) -> None:
        await producer.send(pack(producer.new_batch, [(b"k", b"v", [])], None), topic, 0)

    try:
        # A topic that is not there breaks the producer after three seconds, and is not sent to any node before that.
        breaking = asyncio.create_task(send("missing"))
        await asyncio.sleep(1)
        broker.call(lambda broker: broker.faults.add(Fault("Produce", delay_seconds=3600, times=None)))
        waiting = asyncio.create_task(send("chunks"))
        with pytest.raises(PublishFailed, match="missing"):
            await breaking
        async with asyncio.timeout(30):
            with pytest.raises(PublishFailed, match="given up"):
                await waiting
    finally:
        await producer.stop()
        del waiting, breaking
        gc.collect()  # a socket that was left open would be told here, and not in a later test


async def test_a_batch_that_is_never_answered_is_given_up_in_time(broker: EmbeddedBroker) -> None:
    """The lane of its partition would have waited for ever, and its streams with it: aiokafka tries without an end."""
    await _create_chunks(broker)
    options = {"bootstrap_servers": broker.bootstrap, "request_timeout_ms": 30_000}
    producer = Producer(options, Seen(), delivery_seconds=0.5, retire_seconds=0.2)
    await producer.start()
    try:
        silence = broker.call(lambda broker: broker.faults.add(Fault("Produce", delay_seconds=3600, times=None)))
        async with asyncio.timeout(30):
            with pytest.raises(PublishFailed, match="chunks partition 0 did not take 1 records: TimeoutError"):
                await producer.send(pack(producer.new_batch, [(b"k", b"v", [])], None), "chunks", 0)
            broker.call(lambda broker: broker.faults.remove(silence))
            stored = 0
            while not stored:
                with suppress(PublishFailed):  # little patience may be too little on a busy machine
                    stored = await producer.send(pack(producer.new_batch, [(b"k", b"v", [])], None), "chunks", 0)
    finally:
        await producer.stop()
        gc.collect()
