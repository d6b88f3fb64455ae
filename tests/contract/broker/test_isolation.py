"""Isolation: what readers of either level see of transactions, and how aborted records are told."""

import asyncio

from streamproc.embedded.codes import Code
from tests.contract.broker.batches import batch
from tests.contract.broker.conftest import Connect
from tests.contract.broker.partition import Partition, fetch_request
from tests.contract.broker.topics import make
from tests.contract.broker.transactor import Transactor
from tests.contract.broker.wire import Wire

COMMIT, ABORT = b"\x00\x00\x00\x01", b"\x00\x00\x00\x00"
"""Keys of markers: version 0, and the kind."""
FOREVER_MS = 2_000_000_000


async def test_an_open_transaction_is_hidden_from_committed_readers(
    transactor: Transactor, partition: Partition
) -> None:
    """Others see its records at once."""
    await transactor.write(partition, b"a", b"b")
    hidden, shown = await partition.fetch(committed=True), await partition.fetch()
    assert (hidden.code, hidden.values, hidden.stable, hidden.end) == (Code.NONE, [], 0, 2)
    assert (shown.values, shown.stable, shown.end) == ([b"a", b"b"], 0, 2)


async def test_a_commit_ends_with_a_marker_and_is_seen(transactor: Transactor, partition: Partition) -> None:
    """A batch of its own, with a right checksum and the producer's id, which takes an offset."""
    await transactor.write(partition, b"a", b"b")
    await transactor.commit()
    await partition.has_stable(3)
    fetched = await partition.fetch(committed=True)
    assert (fetched.values, fetched.stable, fetched.end, fetched.aborted) == ([b"a", b"b"], 3, 3, [])
    records, marker = fetched.batches
    assert (records.is_transactional, records.is_control) == (True, False)
    assert (marker.is_transactional, marker.is_control, marker.crc_is_right) == (True, True, True)
    assert (marker.producer, marker.sequence, marker.base_offset) == (transactor.producer, -1, 2)
    ((offset, _, key, _, headers),) = marker.records
    assert (offset, key, headers) == (2, COMMIT, [])


async def test_an_abort_ends_with_a_marker_and_is_told(transactor: Transactor, partition: Partition) -> None:
    """The records come all the same; a list beside them says what to leave out."""
    await transactor.write(partition, b"a")
    await transactor.abort()
    await partition.has_stable(2)
    fetched = await partition.fetch(committed=True)
    assert fetched.aborted == [(transactor.producer.id, 0)]
    records, marker = fetched.batches
    assert (records.values, marker.records[0][2], marker.crc_is_right) == ([b"a"], ABORT, True)


async def test_a_transaction_begins_with_its_first_batch(transactor: Transactor, partition: Partition) -> None:
    """The last stable offset stays there while more come, and an abort is told with it."""
    await partition.produce(batch(b"before"))
    for value in (b"a", b"b", b"c"):
        await transactor.write(partition, value)
    assert (await partition.fetch(committed=True)).stable == 1
    await transactor.abort()
    await partition.has_stable(5)
    assert (await partition.fetch(committed=True)).aborted == [(transactor.producer.id, 1)]


async def test_readers_of_everything_are_told_of_no_aborts(transactor: Transactor, partition: Partition) -> None:
    """They take all records."""
    await transactor.write(partition, b"a")
    await transactor.abort()
    await partition.has_stable(2)
    assert (await partition.fetch()).aborted == []


async def test_only_aborts_of_what_is_fetched_are_told(transactor: Transactor, partition: Partition) -> None:
    """Those before it are not; one whose end lies in it is, with its first offset."""
    for n in range(3):
        await transactor.write(partition, b"%d" % n)
        await transactor.abort()
        await partition.has_stable(2 * n + 2)
    producer = transactor.producer.id
    told = [(await partition.fetch(offset, committed=True)).aborted for offset in (0, 1, 2, 3, 4, 5, 6)]
    first, second, third = (producer, 0), (producer, 2), (producer, 4)
    assert told == [[first, second, third]] * 2 + [[second, third]] * 2 + [[third]] * 2 + [[]]


async def test_records_behind_an_open_transaction_wait(transactor: Transactor, partition: Partition) -> None:
    """Also those without a transaction: order is kept. They come when it has ended, either way."""
    for end in (transactor.commit, transactor.abort):
        start = (await partition.fetch()).end
        await transactor.write(partition, b"inside")
        await partition.produce(batch(b"behind"))
        held = await partition.fetch(start, committed=True)
        assert (held.values, held.stable, held.end) == ([], start, start + 2)
        await end()
        await partition.has_stable(start + 3)
        assert (await partition.fetch(start, committed=True)).values == [b"inside", b"behind"]


async def test_a_committed_reader_behind_the_last_stable_offset_is_within_the_log(
    transactor: Transactor, partition: Partition
) -> None:
    """It gets nothing yet; only behind the end it is told that it is wrong."""
    await transactor.write(partition, b"a", b"b")
    fetched = [await partition.fetch(offset, committed=True) for offset in (0, 1, 2, 3)]
    assert [one.code for one in fetched] == [Code.NONE] * 3 + [Code.OFFSET_OUT_OF_RANGE]
    assert [one.values for one in fetched] == [[]] * 4


async def test_the_first_open_transaction_counts(connect: Connect, partition: Partition, topic_prefix: str) -> None:
    """One that began later and has ended waits for it."""
    first, second = [Transactor(await connect(), f"{topic_prefix}.{n}") for n in range(2)]
    for transactor in (first, second):
        await transactor.start()
        await transactor.write(partition, transactor.id.encode())
    await second.commit()
    await partition.produce(batch(b"behind"))
    assert (await partition.fetch(committed=True)).values == []
    await first.commit()
    await partition.has_stable(5)
    assert (await partition.fetch(committed=True)).values == [first.id.encode(), second.id.encode(), b"behind"]


async def test_a_transaction_over_partitions_ends_in_all(transactor: Transactor, wire: Wire, topic_prefix: str) -> None:
    """Each gets its marker, also one that was added and not written to."""
    written, other, bare = await make(wire, f"{topic_prefix}.three", 3)
    await transactor.write(written, b"a")
    await transactor.write(other, b"b")
    await transactor.add(bare)
    await transactor.commit()
    await written.has_stable(2)
    await other.has_stable(2)
    await bare.has_stable(1)
    assert [batch_.is_control for batch_ in (await bare.fetch(committed=True)).batches] == [True]


async def test_an_added_partition_without_records_is_stable(transactor: Transactor, partition: Partition) -> None:
    """A transaction is open in a partition from its first record there."""
    await transactor.add(partition)
    await partition.produce(batch(b"a"))
    assert (await partition.fetch(committed=True)).values == [b"a"]


async def test_a_committed_reader_that_waits_is_woken_by_the_end(
    transactor: Transactor, partition: Partition, connect: Connect
) -> None:
    """Not by the record, which it may not see yet."""
    reader = Partition(await connect(), partition.topic)
    waiting = asyncio.create_task(reader.fetch(committed=True, wait_ms=FOREVER_MS))
    await transactor.write(partition, b"a")
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    assert not done
    await transactor.commit()
    assert (await waiting).values == [b"a"]


async def test_a_long_log_of_both_kinds_is_told_apart(transactor: Transactor, partition: Partition) -> None:
    """Read in small fetches, as a consumer does, with the aborted list of each."""
    expected = []
    for n in range(12):
        values = [b"%d.%d" % (n, m) for m in range(3)]
        await transactor.write(partition, *values)
        if n % 3:
            await transactor.commit()
            expected += values
        else:
            await transactor.abort()
        await partition.has_stable(4 * n + 4)
    seen, offset = [], 0
    while (fetched := await partition.fetch(offset, committed=True, partition_max_bytes=250)).batches:
        starts = sorted(first for _, first in fetched.aborted)
        open_abort = False
        for stored in fetched.batches:
            open_abort = open_abort or any(first <= stored.base_offset for first in starts)
            if stored.is_control:
                starts = [first for first in starts if first > stored.base_offset]
                open_abort = False
            elif not open_abort:
                seen += stored.values
            offset = stored.offsets[-1] + 1
    assert seen == expected


async def test_committed_and_other_readers_of_many_partitions(
    transactor: Transactor, wire: Wire, topic_prefix: str
) -> None:
    """A partition with an open transaction holds up no other one."""
    held, free = await make(wire, f"{topic_prefix}.two", 2)
    await transactor.write(held, b"held")
    await free.produce(batch(b"free"))
    ((_, answered),) = (await wire.ask(fetch_request([held, free], committed=True))).topics
    assert [number for number, *_, data in answered if data] == [free.number]
