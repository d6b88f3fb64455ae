"""Record batches as bytes: written with any header a test wants, and read back."""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from aiokafka.record._crc32c import crc
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

__all__ = ["Batch", "Producer", "batch", "read", "renamed"]

_CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
_ROOM = 100_000_000
_CRC = slice(17, 21)  # it covers what follows


class Producer(NamedTuple):
    """What InitProducerId gave; without one a batch is not idempotent."""

    id: int = -1
    epoch: int = -1


class Batch(NamedTuple):
    """One batch as it came from the broker; `records` are (offset, timestamp, key, value, headers)."""

    base_offset: int
    codec: int
    is_control: bool
    is_transactional: bool
    producer: Producer
    sequence: int
    crc_is_right: bool
    records: list[tuple[int, int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]]

    @property
    def offsets(self) -> list[int]:
        """Of its records."""
        return [record[0] for record in self.records]

    @property
    def values(self) -> list[bytes | None]:
        """Of its records."""
        return [record[3] for record in self.records]


def batch(
    *values: bytes | None,
    producer: Producer | None = None,
    sequence: int = -1,
    transactional: bool = False,
    codec: str = "none",
    timestamps: Sequence[int] | None = None,
    key: bytes | None = None,
    headers: Sequence[tuple[str, bytes | None]] = (),
) -> bytes:
    """A batch of these values; `timestamps` are milliseconds, one per value, and by default a millisecond apart."""
    producer = producer or Producer()
    now = int(time.time() * 1000)  # records from long ago could be deleted by retention at any moment
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=_CODECS[codec],
        is_transactional=int(transactional),
        producer_id=producer.id,
        producer_epoch=producer.epoch,
        base_sequence=sequence,
        batch_size=_ROOM,
    )
    for delta, value in enumerate(values):
        timestamp = timestamps[delta] if timestamps else now + delta
        builder.append(delta, timestamp=timestamp, key=key, value=value, headers=list(headers))
    return bytes(builder.build())


def renamed(data: bytes, name: bytes, bytes_of_it: bytes) -> bytes:
    """The batch with other bytes for a header name, as many, and the right checksum: no client of Python sends some."""
    changed = bytearray(data.replace(name, bytes_of_it))
    changed[_CRC] = crc(bytes(changed[_CRC.stop :])).to_bytes(4, "big")
    return bytes(changed)


def read(data: bytes) -> list[Batch]:
    """The whole batches of a fetch answer; one that was cut off at its end is left out."""
    found, rest = [], MemoryRecords(data)
    while (raw := rest.next_batch()) is not None:
        found.append(_batch(raw))
    return found


def _batch(raw: Any) -> Batch:
    right = raw.validate_crc()  # before the records are read, which unpacks them in place
    return Batch(
        raw.base_offset,
        raw.compression_type,
        bool(raw.is_control_batch),
        bool(raw.is_transactional),
        Producer(raw.producer_id, raw.producer_epoch),
        raw.base_sequence,
        right,
        [(record.offset, record.timestamp, record.key, record.value, list(record.headers)) for record in raw],
    )
