"""The proxy before a broker: clients stay behind it, and steps can be held, dropped and let pass."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.chaos.proxy import Proxy


@pytest.fixture
async def proxy(bootstrap: str) -> AsyncIterator[Proxy]:
    """A proxy before the broker."""
    async with Proxy(bootstrap) as proxy:
        yield proxy


async def new_topic(bootstrap: str, topic: str) -> None:
    """A topic with one partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()


async def stored(bootstrap: str, topic: str) -> list[bytes]:
    """Committed values in the topic, read without the proxy."""
    options = {"auto_offset_reset": "earliest", "isolation_level": "read_committed"}
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, **options) as consumer:
        key = TopicPartition(topic, 0)
        end = (await consumer.end_offsets([key]))[key]
        found: list[bytes] = []
        while await consumer.position(key) < end:
            found += [record.value for record in (await consumer.getmany(key, timeout_ms=100)).get(key, [])]
        return found


async def test_clients_stay_behind_it(bootstrap: str, proxy: Proxy, topic_prefix: str) -> None:
    """Also when a broker has told them addresses: what goes down with the proxy is down for them."""
    await new_topic(bootstrap, topic_prefix)
    async with AIOKafkaProducer(bootstrap_servers=proxy.bootstrap, enable_idempotence=True) as producer:
        await producer.send_and_wait(topic_prefix, b"one")
        assert {f"{node.host}:{node.port}" for node in producer.client.cluster.brokers()} == {proxy.bootstrap}
        await proxy.go_down()
        waiting = await producer.send(topic_prefix, b"two")
        await asyncio.sleep(0.3)
        assert await stored(bootstrap, topic_prefix) == [b"one"]
        await proxy.come_back()
        await waiting
    assert await stored(bootstrap, topic_prefix) == [b"one", b"two"]


async def test_a_request_that_is_held_is_not_with_the_broker(bootstrap: str, proxy: Proxy, topic_prefix: str) -> None:
    """It gets there when it is released; those for other topics pass meanwhile."""
    other = f"{topic_prefix}.other"
    await new_topic(bootstrap, topic_prefix)
    await new_topic(bootstrap, other)
    step = proxy.hold("Produce", "request", topic=topic_prefix)
    async with AIOKafkaProducer(bootstrap_servers=proxy.bootstrap) as producer:
        await producer.send_and_wait(other, b"elsewhere")
        sending = asyncio.create_task(producer.send_and_wait(topic_prefix, b"held"))
        await step.reached()
        assert await stored(bootstrap, topic_prefix) == []
        step.release()
        await sending
    assert await stored(bootstrap, topic_prefix) == [b"held"]


async def test_an_answer_that_is_dropped(bootstrap: str, proxy: Proxy, topic_prefix: str) -> None:
    """The broker has done it, the client is hung up on, and sends again; idempotence keeps it once."""
    await new_topic(bootstrap, topic_prefix)
    step = proxy.hold("Produce", "answer")
    async with AIOKafkaProducer(bootstrap_servers=proxy.bootstrap, enable_idempotence=True) as producer:
        sending = asyncio.create_task(producer.send_and_wait(topic_prefix, b"once"))
        await step.reached()
        assert await stored(bootstrap, topic_prefix) == [b"once"]
        assert not sending.done()
        step.cut()
        await sending
    assert await stored(bootstrap, topic_prefix) == [b"once"]


async def test_a_step_is_known_by_what_the_request_says(bootstrap: str, proxy: Proxy, topic_prefix: str) -> None:
    """An abort passes, a commit is held."""
    await new_topic(bootstrap, topic_prefix)
    step = proxy.hold("EndTxn", "request", meant=lambda request: request.transaction_result)
    async with AIOKafkaProducer(bootstrap_servers=proxy.bootstrap, transactional_id=topic_prefix) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topic_prefix, b"no")
        await producer.abort_transaction()
        await producer.begin_transaction()
        await producer.send_and_wait(topic_prefix, b"yes")
        committing = asyncio.create_task(producer.commit_transaction())
        await step.reached()
        step.release()
        await committing
    assert await stored(bootstrap, topic_prefix) == [b"yes"]
