"""Salvage: reads records that aiokafka cannot decode.

Kafka keeps header names as bytes; aiokafka (0.14) insists on UTF-8, and one record with another name makes every poll
of its whole batch fail, for ever. Anybody who may write requests can write such a record, so it must be readable:
here the same batches are decoded with such names repaired, by aiokafka's own decoder in Python.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.default_records import _DefaultRecordBatchPy

__all__ = ["salvage"]

_BATCH_HEAD_BYTES = 12  # base offset (8) and length of what follows (4)
_MAX_BYTES = 1 << 20
_MAX_WAIT_MS = 100


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
    return {
        key: list(islice(_decoded(key, offset, await _fetch(consumer, key, offset)), max_records))
        for key, offset in positions.items()
    }


async def _fetch(consumer: Any, key: TopicPartition, offset: int) -> tuple[list[tuple[int, int]], bytes]:
    client = consumer._client  # noqa: SLF001 the only way to a batch's bytes
    request = FetchRequest(
        _MAX_WAIT_MS, 1, _MAX_BYTES, READ_COMMITTED, [(key.topic, [(key.partition, offset, _MAX_BYTES)])], rack_id=""
    )
    response = await client.send(client.cluster.leader_for_partition(key), request)
    [(_, [(_, code, _, *data)])] = response.topics
    if code:
        raise for_code(code)(f"fetch of {key.topic} {key.partition} failed")
    # Version 11 and later tell a preferred replica between the aborted transactions and the batches.
    aborted = data[2] if response.API_VERSION >= 11 else data[-2]  # noqa: PLR2004 the protocol's own number
    return aborted, data[-1] or b""


def _decoded(
    key: TopicPartition, offset: int, fetched: tuple[list[tuple[int, int]], bytes]
) -> Iterator[ConsumerRecord[bytes, bytes]]:
    aborted, data = fetched
    try:
        yield from PartitionRecords(key, _Batches(data), aborted, offset, None, None, True, READ_COMMITTED)
    except (ValueError, IndexError) as exc:
        raise KafkaError(f"records of {key.topic} {key.partition} from {offset} on are damaged: {exc}") from exc
