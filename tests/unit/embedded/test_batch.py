"""Bytes of record batches: what the broker changes in them, and the markers it writes."""

from aiokafka.record.control_record import ABORT_MARKER, COMMIT_MARKER, ControlRecord
from aiokafka.record.default_records import DefaultRecordBatch

from streamproc.embedded.batch import HEADER_BYTES, has_right_crc, header_of, marker, records, stamped, with_offset
from tests.contract.broker.batches import Producer, batch

# Markers of producer id 0, epoch 0, as Apache Kafka 4.1.0 wrote them at offsets 1 and 3.
KAFKAS_COMMIT = bytes.fromhex(
    "00000000000000010000004200000000029c655c17003000000000000001a1fde0a356000001a1fde0a356"
    "00000000000000000000ffffffff000000012000000008000000010c00000000000000"
)
KAFKAS_ABORT = bytes.fromhex(
    "0000000000000003000000420000000002b78cb910003000000000000001a1fde0a399000001a1fde0a399"
    "00000000000000000000ffffffff000000012000000008000000000c00000000000000"
)


def test_a_marker_is_byte_for_byte_that_of_kafka() -> None:
    """Commit and abort, checksum included."""
    for theirs, commit in ((KAFKAS_COMMIT, True), (KAFKAS_ABORT, False)):
        time = header_of(theirs).max_timestamp
        assert marker(header_of(theirs).base_offset, 0, 0, time, commit=commit) == theirs


def test_a_client_reads_a_marker() -> None:
    """Its producer, that it is control and transactional, and its type."""
    for expected, commit in ((COMMIT_MARKER, True), (ABORT_MARKER, False)):
        read = DefaultRecordBatch(marker(7, 1_000, 3, 1_700_000_000_000, commit=commit))
        assert read.validate_crc()
        assert (read.is_control_batch, read.is_transactional, read.producer_id) == (True, True, 1_000)
        (record,) = read
        assert (record.offset, ControlRecord.parse(record.key)) == (7, expected)


def test_the_place_in_the_log_does_not_touch_the_checksum() -> None:
    """Base offset and leader epoch stand in front of what it covers."""
    data = with_offset(batch(b"a", b"b", codec="gzip"), 2**40)
    assert has_right_crc(data, header_of(data))
    assert header_of(data)._replace(crc=0)[:3] == (2**40, len(data) - 12, 0)
    assert [record.offset for record in records(data)] == [2**40, 2**40 + 1]


def test_a_wrong_byte_anywhere_in_the_records_is_seen() -> None:
    """Each byte that the checksum covers is wrong once."""
    good = batch(b"value")
    for at in range(21, len(good)):
        bad = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
        assert not has_right_crc(bad, header_of(bad))


def test_a_stamped_batch_has_the_brokers_time_for_all_its_records() -> None:
    """The attributes say so, and the checksum is right again; everything else stays."""
    data = batch(b"a", b"b", timestamps=[1_000, 2_000], producer=Producer(5, 1), sequence=3)
    later = stamped(data, 1_700_000_000_000)
    assert has_right_crc(later, header_of(later))
    assert header_of(later).has_append_time
    assert [record.timestamp for record in records(later)] == [1_700_000_000_000] * 2
    assert later[HEADER_BYTES:] == data[HEADER_BYTES:]
    assert header_of(later)[9:] == header_of(data)[9:]
