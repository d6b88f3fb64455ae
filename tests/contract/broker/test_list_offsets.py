"""ListOffsets: the beginning, the end, and the first record at or after a time."""

import time

from streamproc.embedded.codes import Code
from tests.contract.broker.batches import batch, renamed
from tests.contract.broker.partition import EARLIEST, LATEST, Found, Partition
from tests.contract.broker.transactor import Transactor


async def test_an_empty_partition_begins_and_ends_at_0(partition: Partition) -> None:
    """No time comes with these two."""
    assert await partition.find(EARLIEST) == await partition.find(LATEST) == Found(Code.NONE, -1, 0)


async def test_the_end_is_the_offset_of_the_next_record(partition: Partition) -> None:
    """The beginning stays."""
    await partition.produce(batch(b"a", b"b", b"c"))
    assert await partition.find(EARLIEST) == Found(Code.NONE, -1, 0)
    assert await partition.find(LATEST) == Found(Code.NONE, -1, 3)


async def test_a_time_finds_the_first_record_at_or_after_it(partition: Partition) -> None:
    """Also inside a batch, packed or not; the answer has that record's own time."""
    now = int(time.time() * 1000)
    await partition.produce(batch(b"a", b"b", b"c", timestamps=[now, now + 10, now + 20]))
    await partition.produce(batch(*[b"d" * 50] * 3, timestamps=[now + 30, now + 40, now + 50], codec="gzip"))
    expected = {0: (now, 0), now: (now, 0), now + 1: (now + 10, 1), now + 20: (now + 20, 2), now + 21: (now + 30, 3)}
    expected |= {now + 31: (now + 40, 4), now + 50: (now + 50, 5)}
    assert {wanted: await partition.find(wanted) for wanted in expected} == {
        wanted: Found(Code.NONE, *found) for wanted, found in expected.items()
    }


async def test_a_time_finds_records_whose_header_names_are_no_text(partition: Partition) -> None:
    """They are any bytes. The embedded broker once took such a batch for damaged."""
    now = int(time.time() * 1000)
    named = batch(b"a", b"b", timestamps=[now, now + 10], headers=[("NAME", b"1")])
    assert (await partition.produce(renamed(named, b"NAME", b"\xff\xfe\xfd\xfc"))).code == Code.NONE
    assert await partition.find(now + 1) == Found(Code.NONE, now + 10, 1)


async def test_a_time_after_the_last_record_finds_nothing(partition: Partition) -> None:
    """Neither offset nor time."""
    now = int(time.time() * 1000)
    assert await partition.find(now) == Found(Code.NONE, -1, -1)
    await partition.produce(batch(b"a", timestamps=[now]))
    assert await partition.find(now + 1) == Found(Code.NONE, -1, -1)


async def test_times_that_go_back_are_searched_by_offset(partition: Partition) -> None:
    """Found is the first record in the log, and not the one with the nearest time."""
    now = int(time.time() * 1000)
    for delta in (50, 10, 30, 60):
        await partition.produce(batch(b"x", timestamps=[now + delta]))
    assert await partition.find(now + 20) == Found(Code.NONE, now + 50, 0)
    assert await partition.find(now + 51) == Found(Code.NONE, now + 60, 3)


async def test_an_open_transaction_ends_the_log_for_committed_readers(
    partition: Partition, transactor: Transactor
) -> None:
    """The end is the last stable offset for them, and the whole log for others."""
    await partition.produce(batch(b"a"))
    await transactor.write(partition, b"b", b"c")
    await partition.produce(batch(b"d"))
    assert await partition.find(LATEST, committed=True) == Found(Code.NONE, -1, 1)
    assert await partition.find(LATEST) == Found(Code.NONE, -1, 4)
    await transactor.commit()
    await partition.has_stable(5)
    assert await partition.find(LATEST, committed=True) == await partition.find(LATEST) == Found(Code.NONE, -1, 5)


async def test_a_time_finds_no_record_of_an_open_transaction_for_committed_readers(
    partition: Partition, transactor: Transactor
) -> None:
    """It does for others."""
    now = int(time.time() * 1000)
    await partition.produce(batch(b"a", timestamps=[now - 60_000]))
    await transactor.write(partition, b"b")
    assert (await partition.find(now - 30_000, committed=True)).offset == -1
    assert (await partition.find(now - 30_000)).offset == 1
    await transactor.commit()
    await partition.has_stable(3)
    assert (await partition.find(now - 30_000, committed=True)).offset == 1


async def test_a_time_may_find_a_marker(partition: Partition, transactor: Transactor) -> None:
    """It is a record with a time like others."""
    now = int(time.time() * 1000)
    await transactor.add(partition)
    old = batch(b"a", producer=transactor.producer, sequence=0, transactional=True, timestamps=[now - 60_000])
    assert (await partition.produce(old, transactional_id=transactor.id)).code == Code.NONE
    await transactor.commit()
    await partition.has_stable(2)
    assert (await partition.find(now - 30_000)).offset == 1


async def test_an_unknown_topic_or_partition_is_told(partition: Partition) -> None:
    """With neither offset nor time."""
    for unknown in (
        Partition(partition.wire, f"{partition.topic}.nowhere"),
        Partition(partition.wire, partition.topic, 1),
    ):
        assert await unknown.find(LATEST) == Found(Code.UNKNOWN_TOPIC_OR_PARTITION, -1, -1)
