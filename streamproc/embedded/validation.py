"""Which bytes of a producer are a batch that a topic takes: the checks of Kafka's `LogValidator`, in its order.

Stricter than Kafka with a batch that says its time is a broker's: Kafka takes it and corrects it. Less strict with
compressed records: they are not unpacked, so that what is wrong inside is found by whoever reads them.
"""

import struct

from streamproc.embedded.batch import HEADER_BYTES, Header, has_right_crc, records
from streamproc.embedded.codes import Code
from streamproc.embedded.topic_settings import TopicSettings

__all__ = ["only_batch", "refusal"]

_LENGTH_AT, _LENGTH = 8, struct.Struct(">i")
_LENGTH_COUNTS_FROM = 12
_MAGIC_AT, _MAGIC = 16, 2
_LAST_CODEC = 4
_LEAST_LENGTH = 14
"""Of a record in the oldest format, which is the smallest."""


def only_batch(data: bytes) -> bytes | Code:
    """The one batch a producer may send for a partition, or why it is none; a rest that was cut off does not count."""
    size = _size(data)
    if isinstance(size, Code):
        return size
    if _size(data[size:]) != Code.INVALID_RECORD or data[_MAGIC_AT] != _MAGIC:
        return Code.INVALID_RECORD
    return data[:size] if size >= HEADER_BYTES else Code.CORRUPT_MESSAGE


def refusal(batch: bytes, header: Header, settings: TopicSettings, now_ms: int) -> Code:
    """NONE, or why no partition with these settings takes this batch."""
    if len(batch) > settings.max_message_bytes:
        return Code.MESSAGE_TOO_LARGE
    if not has_right_crc(batch, header):
        return Code.CORRUPT_MESSAGE
    is_one_run = header.record_count == header.last_offset_delta + 1 > 0
    is_numbered = header.base_sequence >= 0 or not header.is_idempotent
    if header.is_control or header.base_offset or not is_one_run or not is_numbered:
        return Code.INVALID_RECORD
    if header.codec > _LAST_CODEC:
        return Code.UNKNOWN_SERVER_ERROR  # Kafka has no better code for it either
    if not _has_fit_time(header, settings, now_ms):
        return Code.INVALID_TIMESTAMP
    return Code.INVALID_RECORD if settings.is_compacted and not _has_keys(batch) else Code.NONE


def _size(data: bytes) -> int | Code:
    """Bytes of the first batch; INVALID_RECORD if there is no whole one, CORRUPT_MESSAGE if there can be none."""
    if len(data) < _LENGTH_COUNTS_FROM:
        return Code.INVALID_RECORD
    (length,) = _LENGTH.unpack_from(data, _LENGTH_AT)
    if length < _LEAST_LENGTH:
        return Code.CORRUPT_MESSAGE
    if len(data) > _MAGIC_AT and data[_MAGIC_AT] > _MAGIC:
        return Code.CORRUPT_MESSAGE
    size = int(length) + _LENGTH_COUNTS_FROM
    return size if size <= len(data) else Code.INVALID_RECORD


def _has_fit_time(header: Header, settings: TopicSettings, now_ms: int) -> bool:
    """Whether the producer's time is near enough to ours, where it counts; -1 is no time."""
    ahead = header.max_timestamp - now_ms
    is_near = -settings.before_max_ms <= ahead <= settings.after_max_ms
    return not header.has_append_time and (is_near or header.max_timestamp < 0 or settings.is_append_time)


def _has_keys(batch: bytes) -> bool:
    try:
        return all(record.key is not None for record in records(batch))
    except Exception:  # noqa: BLE001 each codec fails in its own way on bytes that are none of its own
        return False
