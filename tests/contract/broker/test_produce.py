"""Produce: what is stored, and what is refused with which code."""

import asyncio
import struct
import time

import pytest
from aiokafka.record.util import calc_crc32c

from streamproc.embedded.codes import Code
from tests.contract.broker.batches import batch
from tests.contract.broker.conftest import Connect
from tests.contract.broker.partition import Partition, Produced
from tests.contract.broker.topics import make
from tests.contract.broker.wire import Wire

CRC_PLACE, CRC_COVERS_FROM = 17, 21


def with_header(data: bytes, kind: str, place: int, number: int) -> bytes:
    """The batch with another number in its header, and the checksum that goes with it."""
    changed = bytearray(data)
    struct.pack_into(f">{kind}", changed, place, number)
    struct.pack_into(">I", changed, CRC_PLACE, calc_crc32c(bytes(changed[CRC_COVERS_FROM:])))
    return bytes(changed)


async def test_offsets_follow_one_another(partition: Partition) -> None:
    """Each answer has the offset of the batch's first record."""
    offsets = [(await partition.produce(batch(*values))).offset for values in ((b"a", b"b"), (b"c",), (b"d",))]
    assert offsets == [0, 2, 3]
    assert (await partition.fetch()).values == [b"a", b"b", b"c", b"d"]


async def test_a_record_keeps_key_value_headers_and_time(partition: Partition) -> None:
    """Also headers of the same name, without value, and not in ASCII."""
    headers = [("a", b"1"), ("a", b"2"), ("none", None), ("café", b"\xff\x00")]
    data = batch(b"value", key=b"key", headers=headers, timestamps=[1_700_000_000_123])
    await partition.produce(data)
    (stored,) = (await partition.fetch()).batches
    assert stored.records == [(0, 1_700_000_000_123, b"key", b"value", headers)]
    assert stored.crc_is_right


async def test_a_tombstone_is_stored_and_an_empty_value_is_none(partition: Partition) -> None:
    """No value and an empty value are two things."""
    await partition.produce(batch(None, b"", key=b"key"))
    assert (await partition.fetch()).values == [None, b""]


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_a_compressed_batch_stays_as_it_is(partition: Partition, codec: str) -> None:
    """Several batches, each with its records and its codec."""
    values = [b"%03d" % n * 100 for n in range(20)]
    for start in (0, 10):
        await partition.produce(batch(*values[start : start + 10], codec=codec))
    fetched = await partition.fetch()
    assert fetched.values == values
    assert {stored.codec for stored in fetched.batches} == {{"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}[codec]}
    assert [stored.offsets for stored in fetched.batches] == [list(range(10)), list(range(10, 20))]


@pytest.mark.parametrize("acks", [1, -1])
async def test_an_acknowledged_batch_can_be_fetched(partition: Partition, acks: int) -> None:
    """At once, with acks 1 and with acks all."""
    assert await partition.produce(batch(b"a"), acks=acks) == Produced(Code.NONE, 0)
    assert (await partition.fetch()).values == [b"a"]


async def test_acks_0_gets_no_answer(partition: Partition) -> None:
    """The next answer on the connection belongs to the next request; the batch is stored all the same."""
    await partition.wire.send(partition.produce_request(batch(b"a"), acks=0))
    assert await partition.produce(batch(b"b")) == Produced(Code.NONE, 1)
    assert (await partition.fetch()).values == [b"a", b"b"]


async def test_an_error_with_acks_0_closes_the_connection(partition: Partition, connect: Connect) -> None:
    """There is no other way to tell the client."""
    nowhere = Partition(await connect(), f"{partition.topic}.nowhere")
    await nowhere.wire.send(nowhere.produce_request(batch(b"a"), acks=0))
    with pytest.raises(asyncio.IncompleteReadError):
        await nowhere.wire.receive()


async def test_acks_2_are_refused(partition: Partition) -> None:
    """0, 1 and all are the only values."""
    assert await partition.produce(batch(b"a"), acks=2) == Produced(Code.INVALID_REQUIRED_ACKS, -1)


async def test_an_unknown_topic_or_partition_is_refused(partition: Partition) -> None:
    """Nothing is created on the way."""
    nowhere = Partition(partition.wire, f"{partition.topic}.nowhere")
    assert await nowhere.produce(batch(b"a")) == Produced(Code.UNKNOWN_TOPIC_OR_PARTITION, -1)
    beyond = Partition(partition.wire, partition.topic, 1)
    assert await beyond.produce(batch(b"a")) == Produced(Code.UNKNOWN_TOPIC_OR_PARTITION, -1)


async def test_a_corrupt_batch_is_refused(partition: Partition) -> None:
    """Its checksum does not fit: nothing is stored."""
    data = bytearray(batch(b"value"))
    data[-3] ^= 0xFF
    assert await partition.produce(bytes(data)) == Produced(Code.CORRUPT_MESSAGE, -1)
    assert (await partition.fetch()).end == 0


async def test_a_batch_that_is_cut_off_is_refused(partition: Partition) -> None:
    """It is shorter than it says."""
    assert (await partition.produce(batch(b"value")[:-3])).code == Code.INVALID_RECORD
    assert (await partition.fetch()).end == 0


async def test_a_control_batch_from_a_client_is_refused(partition: Partition) -> None:
    """Only the broker writes markers."""
    assert await partition.produce(with_header(batch(b"a"), "h", 21, 0x20)) == Produced(Code.INVALID_RECORD, -1)


async def test_a_batch_that_counts_its_records_wrong_is_refused(partition: Partition) -> None:
    """Number of records and the last one's place must agree."""
    data = batch(b"a", b"b")
    for place, number in ((57, 1), (57, 3), (23, 0), (23, 5)):
        assert await partition.produce(with_header(data, "i", place, number)) == Produced(Code.INVALID_RECORD, -1)
    assert await partition.produce(batch()) == Produced(Code.INVALID_RECORD, -1)


async def test_a_batch_from_the_future_is_refused(partition: Partition) -> None:
    """More than an hour ahead of the broker's clock is taken for a mistake."""
    ahead = int(time.time() * 1000) + 7_200_000
    assert await partition.produce(batch(b"a", timestamps=[ahead])) == Produced(Code.INVALID_TIMESTAMP, -1)
    assert (await partition.produce(batch(b"a", timestamps=[ahead - 5_400_000]))).code == Code.NONE


async def test_a_compacted_topic_wants_keys(wire: Wire, topic_prefix: str) -> None:
    """A record without one could never be replaced."""
    (compacted,) = await make(wire, topic_prefix, cleanup_policy="compact")
    assert await compacted.produce(batch(b"a")) == Produced(Code.INVALID_RECORD, -1)
    assert await compacted.produce(batch(b"a", key=b"k")) == Produced(Code.NONE, 0)


async def test_two_batches_for_a_partition_are_refused(partition: Partition) -> None:
    """A request has one batch for each partition."""
    assert await partition.produce(batch(b"a") + batch(b"b")) == Produced(Code.INVALID_RECORD, -1)


async def test_no_batch_for_a_partition_is_refused(partition: Partition) -> None:
    """The same for none."""
    assert await partition.produce(b"") == Produced(Code.INVALID_RECORD, -1)


async def test_a_batch_of_an_old_format_is_refused(partition: Partition) -> None:
    """The byte that tells the format says 1."""
    data = bytearray(batch(b"a"))
    data[16] = 1
    assert (await partition.produce(bytes(data))).code == Code.INVALID_RECORD


async def test_a_batch_above_max_message_bytes_is_refused(wire: Wire, topic_prefix: str) -> None:
    """The topic's own limit counts, for the batch as it is sent."""
    (small,) = await make(wire, f"{topic_prefix}.small", max_message_bytes="1000")
    data = batch(b"x" * 2_000)
    assert await small.produce(data) == Produced(Code.MESSAGE_TOO_LARGE, -1)
    assert await small.produce(batch(b"x" * 2_000, codec="gzip")) == Produced(Code.NONE, 0)
    room = 1000 - len(batch(b"x" * 500)) + 500
    assert len(batch(b"x" * room)) == 1000
    assert (await small.produce(batch(b"x" * room))).code == Code.NONE
    assert (await small.produce(batch(b"x" * (room + 1)))).code == Code.MESSAGE_TOO_LARGE


async def test_the_usual_limit_of_a_batch_is_a_mebibyte(partition: Partition) -> None:
    """1,048,588 bytes: one mebibyte and what a batch needs for itself in the old formats."""
    room = 1_048_588 - len(batch(b"x" * 1_000_000)) + 1_000_000
    assert (await partition.produce(batch(b"x" * room))).code == Code.NONE
    assert (await partition.produce(batch(b"x" * (room + 1)))).code == Code.MESSAGE_TOO_LARGE


async def test_partitions_of_a_request_are_answered_each_for_itself(wire: Wire, topic_prefix: str) -> None:
    """One is stored, one is refused."""
    first, second = await make(wire, f"{topic_prefix}.two", 2)
    corrupt = batch(b"b")[:-1] + b"x"
    request = first.produce_request(b"", acks=-1)
    request.topics = [(first.topic, [(0, batch(b"a")), (1, corrupt), (2, batch(b"c"))])]
    ((_, answered),) = (await wire.ask(request)).topics
    codes = {number: code for number, code, *_ in answered}
    assert codes == {0: Code.NONE, 1: Code.CORRUPT_MESSAGE, 2: Code.UNKNOWN_TOPIC_OR_PARTITION}
    assert (await first.fetch()).values == [b"a"]
    assert (await second.fetch()).end == 0


async def test_log_append_time_stands_in_the_batch(wire: Wire, topic_prefix: str) -> None:
    """A topic may say that the broker's clock counts, and not the producer's."""
    (stamped,) = await make(wire, f"{topic_prefix}.stamped", message_timestamp_type="LogAppendTime")
    await stamped.produce(batch(b"a", timestamps=[1_700_000_000_000]))
    (stored,) = (await stamped.fetch()).batches
    assert stored.crc_is_right
    assert stored.records[0][1] > 1_700_000_000_000
