"""The poll: reads a consumer that is in no group, also records that aiokafka cannot decode."""

from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from streamproc.kafka.salvage import salvage

__all__ = ["Poll"]


class Poll:
    """Knows where it stands in each partition, for the case that aiokafka loses its way."""

    def __init__(self, consumer: Any, most: int) -> None:
        """At most so many records at a time; `consumer` begins at the beginning where nobody says `go`."""
        self._consumer = consumer
        self._most = most
        self._next: dict[TopicPartition, int] = {}

    def go(self, key: TopicPartition, offset: int) -> None:
        """What is read next of this partition stands at this offset."""
        self._next[key] = offset
        self._consumer.seek(key, offset)

    async def read(self, timeout_ms: int) -> dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]]:
        """The records that follow, by partition; none when none came in time.

        Raises:
            KafkaError: a broker is away, or refuses us.
        """
        try:
            found: dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]] = await self._consumer.getmany(
                timeout_ms=timeout_ms, max_records=self._most
            )
        except UnicodeDecodeError:
            found = await self._salvaged()
        for key, records in found.items():
            if records:
                self._next[key] = records[-1].offset + 1
        return found

    async def _salvaged(self) -> dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]]:
        # aiokafka fails at a header name that is no UTF-8, and may have lost records of other partitions with it.
        keys = self._consumer.assignment()
        positions = {key: self._next.get(key, 0) for key in keys}
        try:
            found = await salvage(self._consumer, positions, self._most)
        except OffsetOutOfRangeError:
            self._next = await self._consumer.beginning_offsets(keys)
            return {}
        for key, records in found.items():
            self._consumer.seek(key, records[-1].offset + 1 if records else positions[key])
        return found
