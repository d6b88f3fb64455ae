"""The stage of a test: its topics on Kafka, a mock provider over HTTP, a sender of raw records and a reader of all.

async with staged(kafka, topic_prefix, "mock-t5-i1") as stage, running_member(stage.settings):
    run = await stage.ask("mock-t5-i1")
    result = await stage.outputs.result(run)
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.protocol.admin import DeleteGroupsRequest

from streamproc.kafka.topics import create_topics
from streamproc.mock.behaviour import MockSettings
from streamproc.mock.server import MockServer, serve
from streamproc.records.codec import rfc3339
from streamproc.records.identity import RunId
from streamproc.settings.settings import Settings
from tests.contract.harness.outputs import Outputs
from tests.contract.harness.settings import make_settings
from tests.contract.harness.waiting import eventually_found

__all__ = ["Stage", "staged"]

Headers = Iterable[tuple[str, bytes | None]]


class Stage:
    """Surroundings of a test. `mock` may be replaced by one on the same port."""

    def __init__(self, settings: Settings, mock: MockServer, producer: Any, admin: Any, outputs: Outputs) -> None:
        self.settings = settings
        self.mock = mock
        self.outputs = outputs
        self._producer = producer
        self._admin = admin
        self._numbers = count(1)

    @property
    def bootstrap(self) -> str:
        """Address of the broker."""
        return self.settings.kafka.bootstrap_servers

    async def publish(
        self,
        value: bytes | None,
        *,
        key: bytes | None = None,
        headers: Headers = (),
        partition: int = 0,
        topic: str = "",
        age_seconds: float = 0.0,
    ) -> RunId:
        """Puts raw bytes on a topic, the first request topic unless it is said; the record claims to be so old."""
        now = int((time.time() - age_seconds) * 1000)
        topic = topic or self.settings.sources[0].topic
        stored = await self._producer.send_and_wait(
            topic, value, key=key, headers=list(headers), partition=partition, timestamp_ms=now
        )
        return RunId(topic, partition, stored.offset, now)

    def request(self, model: str, **fields: Any) -> dict[str, Any]:
        """A valid request with an id of its own."""
        return {
            "request_id": f"request-{next(self._numbers)}",
            "model": model,
            "messages": [{"role": "user", "content": "three more words"}],
            **fields,
        }

    async def ask(self, model: str, *, partition: int = 0, topic: str = "", **fields: Any) -> RunId:
        """Publishes a valid request."""
        request = self.request(model, **fields)
        key = request["request_id"].encode()
        return await self.publish(json.dumps(request).encode(), key=key, partition=partition, topic=topic)

    async def ask_many(self, requests: Iterable[tuple[int, Mapping[str, Any]]]) -> list[RunId]:
        """Publishes requests, each with its partition, at once."""
        return await asyncio.gather(
            *(
                self.publish(json.dumps(request).encode(), key=request["request_id"].encode(), partition=partition)
                for partition, request in requests
            )
        )

    @staticmethod
    def time_in(seconds: float) -> str:
        """A time from now, for deadlines and `not_before`."""
        return rfc3339(time.time() + seconds)

    async def restart_mock(self, port: int) -> None:
        """A new mock provider on the port of a former one."""
        self.mock = await serve(_QUICK, port=port)

    async def commit_as_somebody_else(self) -> None:
        """Another program's offset for the worker's group."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, group_id=self.settings.kafka.group, enable_auto_commit=False
        )
        await consumer.start()
        try:
            key = TopicPartition(self.settings.sources[0].topic, 0)
            consumer.assign([key])
            await consumer.commit({key: (0, "not ours")})
        finally:
            await consumer.stop()

    async def forget_offsets(self) -> None:
        """What Kafka does to a group without members after `offsets.retention.minutes`."""
        coordinator = await self._admin.find_coordinator(self.settings.kafka.group)
        answer = await self._admin._client.send(coordinator, DeleteGroupsRequest([self.settings.kafka.group]))
        assert [code for _, code in answer.results] == [0]

    async def let_topic_hold(self, topic: str, max_bytes: int) -> None:
        """Changes how large a batch a topic takes."""
        await self.configure(topic, "max.message.bytes", str(max_bytes))

    async def configure(self, topic: str, name: str, value: str) -> None:
        """Changes a setting of a topic."""
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, {name: value})
        await self._admin.alter_configs([resource])

    async def delete_topic(self, topic: str) -> None:
        """Deletes a topic under the worker's feet."""
        await self._admin.delete_topics([topic])

    async def committed(self) -> dict[tuple[str, int], int]:
        """Committed offsets of the group on request topics, by topic and partition."""
        topics = {source.topic for source in self.settings.sources}
        return {place: offset for place, offset in (await self.positions()).items() if place[0] in topics}

    async def positions(self) -> dict[tuple[str, int], int]:
        """The same on every topic, that of deferred runs too."""
        found: dict[TopicPartition, Any] = await self._admin.list_consumer_group_offsets(self.settings.kafka.group)
        return {(key.topic, key.partition): place.offset for key, place in found.items() if place.offset >= 0}

    async def committed_at(self, partition: int, topic: str = "") -> int | None:
        """The committed offset of one partition."""
        return (await self.committed()).get((topic or self.settings.sources[0].topic, partition))

    async def has_committed(self, run: RunId) -> None:
        """Waits until the group's offset has moved past a run."""

        async def is_past() -> bool:
            return (await self.committed_at(run.partition, run.topic) or 0) > run.offset

        await eventually_found(is_past)


_QUICK = MockSettings(tokens=10, interval_seconds=0.002, first_token_seconds=0.005)


@asynccontextmanager
async def staged(bootstrap: str, prefix: str, /, *models: str, **changes: dict[str, Any]) -> AsyncIterator[Stage]:
    """Sets the stage; `changes` as in `make_settings`."""
    mock = await serve(_QUICK)
    settings = make_settings(bootstrap, prefix, mock.base_url, models, **changes)
    await create_topics(settings)
    outputs = Outputs(bootstrap, settings.topics)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_request_size=8 * 2**20)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    stage = Stage(settings, mock, producer, admin, outputs)
    try:
        await producer.start()
        await admin.start()
        await outputs.start()
        yield stage
    finally:
        await outputs.stop()
        await admin.close()
        await producer.stop()
        await stage.mock.close()
