"""The reader: gathers what the topics hold while a chaos run goes on, as a subscriber does that reads committed records."""

import re
import time
from typing import Any, Self

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streamproc.kafka.metadata import CommitMetadata
from streamproc.settings.settings import Settings
from tests.chaos.evidence import (
    Committed,
    Evidence,
    SentRequest,
    ServedCall,
    StoredChunk,
    StoredResult,
    StoredUsage,
)

__all__ = ["Reader"]

_TOKENS = re.compile(r"-t(\d+)")


class Reader:
    """Reads the request topic and all outputs from their beginning; the lists grow by `read` and `rest`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        (source,) = settings.sources
        topics = settings.topics
        self._take = {
            source.topic: self._take_request,
            topics.results: self._take_result,
            topics.usage: self._take_usage,
            topics.chunks: self._take_chunk,
        }
        self._keys = [TopicPartition(topic, number) for topic in self._take for number in range(topics.partitions)]
        self._consumer: Any = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka.bootstrap_servers,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        self.requests: list[SentRequest] = []
        self.results: list[StoredResult] = []
        self.usage: list[StoredUsage] = []
        self.chunks: list[StoredChunk] = []
        self.committed: list[Committed] = []
        self.last: dict[int, Committed] = {}
        self.answered: set[str] = set()

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        self._consumer.assign(self._keys)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def read(self, seconds: float) -> None:
        """Takes what comes in this time, or at once what is there."""
        for key, records in (await self._consumer.getmany(timeout_ms=int(seconds * 1000))).items():
            take = self._take[key.topic]
            for record in records:
                take(record, orjson.loads(record.value))

    async def rest(self) -> None:
        """Reads everything that is there now."""
        ends: dict[TopicPartition, int] = await self._consumer.end_offsets(self._keys)
        while any([await self._consumer.position(key) < end for key, end in ends.items()]):
            await self.read(0.2)

    async def look_at_offsets(self) -> None:
        """Asks for the group's committed offsets on the request topic; passed over when no broker answers, as during a restart."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._settings.kafka.bootstrap_servers, request_timeout_ms=2000)
        try:
            await admin.start()
            found: dict[TopicPartition, Any] = await admin.list_consumer_group_offsets(self._settings.kafka.group)
        except (KafkaError, OSError):
            return
        finally:
            await admin.close()
        now = int(time.time() * 1000)
        for key, place in found.items():
            if place.offset >= 0 and key.topic == self._settings.sources[0].topic:
                metadata = CommitMetadata.decode(place.metadata)
                done = frozenset[int]() if metadata is None else metadata.done
                offsets = frozenset(place.offset + distance for distance in done)
                self.last[key.partition] = Committed(now, key.partition, place.offset, offsets)
                self.committed.append(self.last[key.partition])

    @property
    def unanswered(self) -> int:
        """Requests without a result, as far as was read."""
        return len(self.requests) - len(self.answered)

    def evidence(self, calls: list[ServedCall]) -> Evidence:
        """What was read, beside the provider's list."""
        return Evidence(self.requests, self.results, self.usage, self.chunks, calls, self.committed, self.last)

    def _take_request(self, record: Any, value: dict[str, Any]) -> None:
        run_id = f"{record.topic}/{record.partition}/{record.offset}@{record.timestamp}"
        tokens = int(_TOKENS.findall(value["model"])[0])
        self.requests.append(
            SentRequest(run_id, record.partition, record.offset, tokens, is_streamed=value.get("stream", True))
        )

    def _take_result(self, record: Any, value: dict[str, Any]) -> None:
        self.answered.add(value["run_id"])
        self.results.append(
            StoredResult(
                value["run_id"],
                record.partition,
                record.timestamp,
                value["status"],
                value.get("attempt"),
                value.get("text"),
                value.get("chunk_count", 0),
                value.get("part", 0),
                value.get("parts", 1),
            )
        )

    def _take_usage(self, record: Any, value: dict[str, Any]) -> None:
        self.usage.append(
            StoredUsage(
                value["usage_id"],
                value["run_id"],
                value["basis"],
                record.timestamp,
                value.get("cost_nanos"),
                (value.get("at_most") or {}).get("cost_nanos"),
            )
        )

    def _take_chunk(self, record: Any, value: dict[str, Any]) -> None:
        self.chunks.append(
            StoredChunk(
                value["run_id"],
                record.partition,
                record.timestamp,
                value["attempt"],
                value["seq"],
                value["kind"],
                value.get("text", ""),
            )
        )
