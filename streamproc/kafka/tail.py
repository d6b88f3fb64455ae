"""The tail: what stands in a partition from an offset to its end. Read beside the poll loop, in no group.

Claims and the sweep for lost calls read so, several partitions at a time: each read is a request of its own.
"""

from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError, TopicAuthorizationFailedError

from streamproc.kafka.connection import connected
from streamproc.kafka.fetch import Fetched, Records, fetch, records_of
from streamproc.kafka.offsets_at import offsets_at
from streamproc.kafka.salvage import salvaged
from streamproc.kafka.stopping import stop_consumer

__all__ = ["Tail"]

_STOP_SECONDS = 5.0
_OPEN_MS = 100  # between two looks at a transaction that is open


class Tail:
    """Reads committed records of the topics it is made for."""

    def __init__(self, options: Mapping[str, Any], topics: Iterable[str]) -> None:
        self._topics = tuple(topics)
        self._consumer: Any = AIOKafkaConsumer(**options, enable_auto_commit=False, isolation_level="read_uncommitted")

    async def start(self) -> None:
        """Connects, and looks whether it may read: without a crash it would not be known until there is one.

        Raises:
            KafkaError: no broker answers, or it refuses us.
        """
        await connected(self._consumer.start())
        client = self._consumer._client  # noqa: SLF001 aiokafka has no public way to ask for a topic without reading it
        for topic in self._topics:
            await client._wait_on_metadata(topic)  # noqa: SLF001 the same
            key = TopicPartition(topic, 0)
            try:
                await fetch(client, key, await self.end(key), 0)
            except TopicAuthorizationFailedError:
                raise
            except KafkaError:
                pass  # a leader is away, say; claims have patience

    async def stop(self) -> None:
        """Disconnects."""
        await stop_consumer(self._consumer, _STOP_SECONDS)

    async def end(self, key: TopicPartition) -> int:
        """The offset after the last record, committed or not.

        Raises:
            KafkaError: the leader is away, or it refuses us.
        """
        ends: dict[TopicPartition, int] = await self._consumer.end_offsets([key])
        return ends[key]

    async def offset_at(self, key: TopicPartition, timestamp_ms: int) -> int:
        """The first offset whose record is not older than a time; the end, where there is none.

        Raises:
            KafkaError: the leader is away, or it refuses us.
        """
        return (await offsets_at(self._consumer, [key], timestamp_ms))[key]

    async def read(self, key: TopicPartition, offset: int) -> AsyncGenerator[Records, None]:
        """All records from an offset to where the partition ended at the first request.

        It waits for transactions that were open then. An offset that is gone stands for the first one that is there.

        Raises:
            KafkaError: the leader is away, or it refuses us, or what it sent is damaged.
        """
        client = self._consumer._client  # noqa: SLF001 see `start`
        end: int | None = None
        while end is None or offset < end:
            try:
                # Claims come many at once, and most find nothing behind their offset: the first answer comes at once.
                fetched = await fetch(client, key, offset, 0 if end is None else _OPEN_MS)
            except OffsetOutOfRangeError:
                beginnings: dict[TopicPartition, int] = await self._consumer.beginning_offsets([key])
                if offset == beginnings[key]:
                    raise
                offset = beginnings[key]
                continue
            end = fetched.end if end is None else end
            found = _records(fetched)
            yield found
            offset = found.next


def _records(fetched: Fetched) -> Records:
    try:
        return records_of(fetched)
    except UnicodeDecodeError:
        return salvaged(fetched)
