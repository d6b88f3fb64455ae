"""Salvage: reads records that aiokafka cannot decode.

Kafka keeps header names as bytes; aiokafka (0.14) insists on UTF-8, and one record with another name makes every poll
of its whole batch fail, for ever. Anybody who may write requests can write such a record, so it must be readable:
here the same batches are decoded with such names repaired, by aiokafka's own decoder in Python.
"""

from collections.abc import Mapping
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.record.default_records import _DefaultRecordBatchPy

from streamproc.kafka.fetch import Fetched, Records, fetch, records_of

__all__ = ["salvage", "salvaged"]

_WAIT_MS = 100
_BATCH_HEAD_BYTES = 12  # base offset (8) and length of what follows (4)


class _Repairing(bytearray):
    """Bytes whose slices decode with replacement characters where they are no UTF-8."""

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return _Repairing(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)


class _Batch(_DefaultRecordBatchPy):  # type: ignore[misc] # aiokafka has no types
    _buffer: bytes | bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Repairing(self._buffer)


class _Batches:
    """What `PartitionRecords` reads from: one batch after the other, a cut one at the end left out."""

    def __init__(self, data: bytes) -> None:
        self._rest = data

    def _next_size(self) -> int:
        return _BATCH_HEAD_BYTES + int.from_bytes(self._rest[8:_BATCH_HEAD_BYTES], "big")

    def has_next(self) -> bool:
        return len(self._rest) > _BATCH_HEAD_BYTES and len(self._rest) >= self._next_size()

    def next_batch(self) -> Any:
        size = self._next_size()
        batch, self._rest = self._rest[:size], self._rest[size:]
        return _Batch(batch)


async def salvage(
    consumer: Any, positions: Mapping[TopicPartition, int], max_records: int
) -> dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]]:
    """Records of these partitions from these offsets on, header names repaired.

    Raises:
        KafkaError: the partition's leader is away, or what it sent is damaged.
    """
    client = consumer._client  # noqa: SLF001 the only way to a batch's bytes
    return {
        key: salvaged(await fetch(client, key, offset, _WAIT_MS), max_records).records
        for key, offset in positions.items()
    }


def salvaged(fetched: Fetched, max_records: int | None = None) -> Records:
    """Records of one fetch, header names repaired.

    Raises:
        KafkaError: what was sent is damaged.
    """
    return records_of(fetched, _Batches, max_records)
