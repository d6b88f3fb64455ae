"""The reader: partitions from given offsets on, without a group, so that it disturbs nobody and commits nothing."""

import time
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from streamproc.errors import SetupError
from streamproc.kafka.connection import connected
from streamproc.kafka.offsets_at import offsets_at
from streamproc.kafka.salvage import salvage
from streamproc.kafka.stopping import stop_consumer

__all__ = ["Place", "Reader", "Record"]

_LOOK_SECONDS = 0.1
_STOP_SECONDS = 5.0


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Record(NamedTuple):
    """A record as it was read."""

    place: Place
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Reader:
    """Reads committed records only: those of an open or aborted transaction are never shown."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._consumer: Any = AIOKafkaConsumer(
            **options,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=100,
        )

    async def start(self) -> None:
        """Connects."""
        try:
            await connected(self._consumer.start())
        except BaseException:
            await stop_consumer(self._consumer, _STOP_SECONDS)
            raise

    async def stop(self) -> None:
        """Disconnects."""
        await stop_consumer(self._consumer, _STOP_SECONDS)

    async def partitions(self, topic: str) -> list[Place]:
        """All partitions of a topic; none when it does not exist."""
        # Looked up in the list first: asking for a topic by its name waits for it to appear, or makes it.
        if topic not in await self._consumer.topics():
            return []
        await self._consumer._client._wait_on_metadata(topic)  # noqa: SLF001 aiokafka has no public way to ask for one topic
        found: set[int] = self._consumer.partitions_for_topic(topic) or set()
        return [Place(topic, partition) for partition in sorted(found)]

    async def existing(self, topic: str) -> list[Place]:
        """All partitions of a topic.

        Raises:
            SetupError: there is no such topic.
        """
        places = await self.partitions(topic)
        if not places:
            raise SetupError(f"topic {topic} does not exist: create it with `streamproc topics create`")
        return places

    async def begins(self, places: Iterable[Place]) -> dict[Place, int]:
        """The offset of the first record that is kept, for each partition."""
        return _by_place(await self._consumer.beginning_offsets([TopicPartition(*place) for place in places]))

    async def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """The offset after the last record, for each partition."""
        return _by_place(await self._consumer.end_offsets([TopicPartition(*place) for place in places]))

    async def offsets_at(self, places: Iterable[Place], timestamp_ms: int) -> dict[Place, int]:
        """The first offset whose record is not older than a time; where there is none, the end."""
        return _by_place(await offsets_at(self._consumer, [TopicPartition(*place) for place in places], timestamp_ms))

    def seek(self, positions: Mapping[Place, int]) -> None:
        """Reads these partitions from these offsets on, and no others."""
        self._consumer.assign([TopicPartition(*place) for place in positions])
        for place, offset in positions.items():
            self._consumer.seek(TopicPartition(*place), offset)

    async def position(self, place: Place) -> int:
        """The offset up to which a partition has been read; it passes over what is no record."""
        position: int = await self._consumer.position(TopicPartition(*place))
        return position

    async def read(self, timeout_seconds: float) -> list[Record]:
        """The next records, or none when the time is over."""
        found = await self._consumer.getmany(timeout_ms=int(timeout_seconds * 1000), max_records=5000)
        return [_record(record) for records in found.values() for record in records]

    async def read_between(
        self, starts: Mapping[Place, int], ends: Mapping[Place, int], silence_seconds: float
    ) -> AsyncIterator[Record]:
        """The records from these offsets on up to the ends, each partition's in their order.

        Raises:
            TimeoutError: Kafka sent nothing for so long, though there is more.
        """
        left = {place for place, start in starts.items() if start < ends[place]}
        self.seek({place: starts[place] for place in left})
        last = time.monotonic()
        while left:
            records = await self.read(_LOOK_SECONDS)
            for record in records:
                if record.offset < ends[record.place]:
                    yield record
            # Positions and not records tell the end: what a transaction leaves there is never shown.
            done = {place for place in left if await self.position(place) >= ends[place]}
            left -= done
            if records or done:
                last = time.monotonic()
            elif time.monotonic() - last > silence_seconds:
                raise TimeoutError

    async def record_at(self, place: Place, offset: int) -> Record | None:
        """The record at an offset, whatever its header names are, or None when it is not there any more."""
        try:
            found = await salvage(self._consumer, {TopicPartition(*place): offset}, 1)
        except OffsetOutOfRangeError:
            return None
        return next((_record(one) for records in found.values() for one in records if one.offset == offset), None)


def _by_place(offsets: Mapping[TopicPartition, int]) -> dict[Place, int]:
    return {Place(key.topic, key.partition): offset for key, offset in offsets.items()}


def _record(record: ConsumerRecord[bytes, bytes]) -> Record:
    return Record(
        Place(record.topic, record.partition),
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        tuple(record.headers),
    )
