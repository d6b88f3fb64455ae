"""A record batch (magic 2) as bytes: its header, its checksum, and the markers that end a transaction.

The layout is https://kafka.apache.org/documentation/#recordbatch. The checksum covers what comes after it, so that base
offset and leader epoch can be set without a new one. Records stay as they come, also compressed.
"""

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.util import calc_crc32c

__all__ = [
    "HEADER_BYTES",
    "Header",
    "Record",
    "has_right_crc",
    "header_of",
    "marker",
    "records",
    "stamped",
    "with_offset",
]

_HEADER = struct.Struct(">qiibIhiqqqhii")
_CRC = struct.Struct(">I")
_OFFSET = struct.Struct(">q")
_LEADER_EPOCH = struct.Struct(">i")
_CRC_AT, _COVERED_FROM = 17, 21
_MAX_TIMESTAMP = struct.Struct(">q")
_ATTRIBUTES = struct.Struct(">h")
_ATTRIBUTES_AT, _MAX_TIMESTAMP_AT = 21, 35

HEADER_BYTES = _HEADER.size

_CODEC, _LOG_APPEND_TIME, _TRANSACTIONAL, _CONTROL = 0x07, 0x08, 0x10, 0x20
# Length 16, no attributes, no deltas; a key of 4 bytes, a value of 6, no headers. Lengths are zigzag varints.
_MARKER = struct.Struct(">bbbbbhhbhib")
_ABORT, _COMMIT = 0, 1


class Header(NamedTuple):
    """The fields in front of the records, in their order; timestamps are unix milliseconds."""

    base_offset: int
    length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    first_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int

    @property
    def codec(self) -> int:
        """How the records are compressed: 0 not, 1 gzip, 2 snappy, 3 lz4, 4 zstd."""
        return self.attributes & _CODEC

    @property
    def is_transactional(self) -> bool:
        """Whether the batch is seen only when its transaction commits."""
        return bool(self.attributes & _TRANSACTIONAL)

    @property
    def is_control(self) -> bool:
        """Whether it is a marker, which only a broker may write."""
        return bool(self.attributes & _CONTROL)

    @property
    def is_idempotent(self) -> bool:
        """Whether a producer id and a sequence tell it from others."""
        return self.producer_id >= 0

    @property
    def has_append_time(self) -> bool:
        """Whether the timestamps are a broker's."""
        return bool(self.attributes & _LOG_APPEND_TIME)


class Record(NamedTuple):
    """What this broker looks at in a record."""

    offset: int
    timestamp: int
    key: bytes | None


class _AnyText(bytearray):
    """Bytes whose slices decode with replacement characters where they are no UTF-8."""

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return _AnyText(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)


class _Records(_DefaultRecordBatchPy):  # type: ignore[misc] # aiokafka has no types
    """Names of headers are any bytes, for Kafka; aiokafka's own reader takes UTF-8 only."""

    _buffer: bytes | bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _AnyText(self._buffer)


def header_of(batch: bytes) -> Header:
    """The header of a batch, which has at least `HEADER_BYTES`."""
    return Header._make(_HEADER.unpack_from(batch))


def has_right_crc(batch: bytes, header: Header) -> bool:
    """Whether the bytes are those the producer wrote."""
    return header.crc == int(calc_crc32c(memoryview(batch)[_COVERED_FROM:]))


def with_offset(batch: bytes, base_offset: int) -> bytes:
    """The batch with the place it has in the log; its leader epoch is 0, the only one."""
    return b"".join((_OFFSET.pack(base_offset), batch[8:12], _LEADER_EPOCH.pack(0), batch[16:]))


def stamped(batch: bytes, timestamp: int) -> bytes:
    """The batch with the broker's time for all its records (LogAppendTime), and a new checksum."""
    data = bytearray(batch)
    (attributes,) = _ATTRIBUTES.unpack_from(data, _ATTRIBUTES_AT)
    _ATTRIBUTES.pack_into(data, _ATTRIBUTES_AT, attributes | _LOG_APPEND_TIME)
    _MAX_TIMESTAMP.pack_into(data, _MAX_TIMESTAMP_AT, timestamp)
    return _with_crc(data)


def marker(base_offset: int, producer_id: int, epoch: int, timestamp: int, *, commit: bool) -> bytes:
    """The control batch that ends a producer's transaction in one partition.

    Its only record has as key version 0 and the type, as value version 0 and the epoch of the coordinator, here 0.
    """
    record = _MARKER.pack(32, 0, 0, 0, 8, 0, _COMMIT if commit else _ABORT, 12, 0, 0, 0)
    header = Header(
        base_offset,
        length=HEADER_BYTES - 12 + len(record),
        leader_epoch=0,
        magic=2,
        crc=0,
        attributes=_TRANSACTIONAL | _CONTROL,
        last_offset_delta=0,
        first_timestamp=timestamp,
        max_timestamp=timestamp,
        producer_id=producer_id,
        producer_epoch=epoch,
        base_sequence=-1,
        record_count=1,
    )
    return _with_crc(bytearray(_HEADER.pack(*header) + record))


def records(batch: bytes) -> Iterator[Record]:
    """The records one by one, decompressed.

    Raises:
        aiokafka.errors.CorruptRecordException: they cannot be read; a broken compression raises its codec's own error.
    """
    for record in _Records(batch):
        yield Record(record.offset, record.timestamp, record.key)


def _with_crc(data: bytearray) -> bytes:
    _CRC.pack_into(data, _CRC_AT, calc_crc32c(memoryview(data)[_COVERED_FROM:]))
    return bytes(data)
