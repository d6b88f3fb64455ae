"""One partition: what is kept, and what goes when it grows."""

import asyncio
from collections.abc import Mapping
from itertools import count

from streamproc.embedded.batch import header_of
from streamproc.embedded.codes import Code
from streamproc.embedded.isolation import Aborted
from streamproc.embedded.log import Appended, PartitionLog
from streamproc.embedded.topics import Topics
from tests.contract.broker.batches import Producer, batch, read

A, B = Producer(1_000, 0), Producer(2_000, 0)
SIZE = len(batch(b"x" * 100))


def topics(max_bytes: int = 2**30) -> Topics:
    """None yet, at a fixed time."""
    return Topics(lambda: 1_700_000_000.0, max_bytes=max_bytes)


def make(made: Topics, name: str = "topic", settings: Mapping[str, str] | None = None) -> PartitionLog:
    """The only partition of a new topic."""
    made.create(name, 1, made.settings(settings or {}))
    log = made.log(name, 0)
    assert log is not None
    return log


def append(log: PartitionLog, *values: bytes, codec: str = "none", timestamps: list[int] | None = None) -> Appended:
    """One batch without a producer id."""
    data = batch(*values or [b"x" * 100], codec=codec, timestamps=timestamps)
    return log.append(data, header_of(data))


class Transaction:
    """Batches of one producer, numbered."""

    def __init__(self, log: PartitionLog, producer: Producer) -> None:
        self.log, self.producer, self.sequence = log, producer, count()

    def append(self, *, transactional: bool = True) -> Appended:
        data = batch(b"x" * 100, producer=self.producer, sequence=next(self.sequence), transactional=transactional)
        return self.log.append(data, header_of(data))

    def end(self, *, commit: bool) -> None:
        self.log.end_transaction(*self.producer, commit=commit)


def values(log: PartitionLog) -> list[bytes | None]:
    """All that is left."""
    found = log.read(log.start, committed=False, max_bytes=2**30, at_least_one=True)
    return [value for stored in read(found.data) for value in stored.values]


def test_the_oldest_batches_go_when_a_partition_is_full() -> None:
    """The start moves to the first batch that is left; offsets stay what they were."""
    log = make(topics(), settings={"retention.bytes": str(3 * SIZE)})
    for number in range(10):
        append(log, b"%03d" % number + b"x" * 97)
    assert (log.start, log.end, log.size) == (7, 10, 3 * SIZE)
    assert [value[:3] for value in values(log) if value] == [b"007", b"008", b"009"]


def test_the_newest_batch_stays_however_small_the_limit() -> None:
    """A reader that keeps up misses nothing."""
    log = make(topics(), settings={"retention.bytes": "1"})
    for _ in range(3):
        append(log)
    assert (log.start, log.end) == (2, 3)


def test_a_limit_of_the_broker_counts_for_topics_without_their_own() -> None:
    """And only for those."""
    made = Topics(lambda: 0.0, default_retention_bytes=SIZE)
    usual, own = make(made, "usual"), make(made, "own", {"retention.bytes": "-1"})
    for log in (usual, own):
        for _ in range(3):
            append(log, timestamps=[0])
    assert (usual.start, own.start) == (2, 0)


def test_an_open_transaction_is_never_cut() -> None:
    """What is behind its first record stays until it ends, and then goes."""
    log = make(topics(), settings={"retention.bytes": str(SIZE)})
    open_one = Transaction(log, A)
    append(log)
    open_one.append()
    for _ in range(5):
        append(log)
    assert (log.start, log.stable) == (1, 1)
    open_one.end(commit=True)
    append(log)
    assert log.start == log.end - 1


def test_an_aborted_transaction_is_forgotten_with_its_records() -> None:
    """Its marker may still be there, without anything to skip."""
    log = make(topics(), settings={"retention.bytes": str(2 * SIZE)})
    aborted = Transaction(log, A)
    aborted.append()
    aborted.end(commit=False)
    assert log.read(0, committed=True, max_bytes=2**30, at_least_one=True).aborted == [Aborted(A.id, 0, 1)]
    for _ in range(4):
        append(log)
    assert log.start > 1
    assert log._isolation.aborted(0, log.end) == []


def test_the_largest_partition_gives_when_the_broker_is_full() -> None:
    """A small one keeps all it has."""
    made = topics(max_bytes=50 * SIZE)
    small, large = make(made, "small"), make(made, "large")
    for _ in range(5):
        append(small)
    for _ in range(200):
        assert append(large).code == Code.NONE
    assert small.start == 0
    assert large.start > 100
    assert small.size + large.size <= 50 * SIZE


def test_a_broker_that_is_full_of_open_transactions_takes_no_more() -> None:
    """Nothing can be dropped for a while; the client may try again, as with a full disk."""
    made = topics(max_bytes=10 * SIZE)
    log = make(made)
    open_one = Transaction(log, A)
    codes = [open_one.append().code for _ in range(11)]
    assert codes == [Code.NONE] * 10 + [Code.KAFKA_STORAGE_ERROR]
    assert append(log).code == Code.KAFKA_STORAGE_ERROR
    open_one.end(commit=False)
    assert append(log).code == Code.NONE


def test_a_deleted_topic_gives_its_room_back() -> None:
    """All of it."""
    made = topics(max_bytes=10 * SIZE)
    first = Transaction(make(made, "first"), A)
    while first.append().code == Code.NONE:
        pass
    assert made.delete("first")
    assert first.log.is_closed
    second = Transaction(make(made, "second"), B)
    assert [second.append().code for _ in range(10)] == [Code.NONE] * 10


def test_a_producer_writes_nothing_else_during_its_transaction() -> None:
    """Kafka refuses it too: such a record would be hidden or shown at the wrong time."""
    log = make(topics())
    producer = Transaction(log, A)
    producer.append()
    assert producer.append(transactional=False).code == Code.INVALID_TXN_STATE


def test_a_time_is_found_inside_a_compressed_batch() -> None:
    """The first record that is not before it."""
    log = make(topics())
    append(log, b"a", timestamps=[1_000])
    append(log, b"b", b"c", b"d", codec="gzip", timestamps=[2_000, 3_000, 4_000])
    assert [log.find_time(time) for time in (0, 1_001, 3_000, 4_001)] == [(1_000, 0), (2_000, 1), (3_000, 2), None]


def test_what_is_available_is_counted_without_reading() -> None:
    """From the batch that holds the offset up to where this reader's view ends."""
    log = make(topics())
    for _ in range(3):
        append(log)
    Transaction(log, A).append()
    append(log)
    assert log.available(0, committed=False) == 5 * SIZE
    assert log.available(0, committed=True) == 3 * SIZE
    assert log.available(2, committed=True) == SIZE
    assert log.available(5, committed=False) == log.available(3, committed=True) == 0


def test_a_reader_is_woken_only_by_what_it_may_see() -> None:
    """An open transaction wakes those who read everything; its end wakes the others."""
    log = make(topics())
    everything, committed, gone = asyncio.Event(), asyncio.Event(), asyncio.Event()
    log.watch(everything, committed=False)
    log.watch(committed, committed=True)
    log.watch(gone, committed=False)
    log.unwatch(gone)
    transaction = Transaction(log, A)
    transaction.append()
    assert (everything.is_set(), committed.is_set(), gone.is_set()) == (True, False, False)
    transaction.end(commit=True)
    assert committed.is_set()


def test_a_refused_batch_wakes_nobody() -> None:
    """Nor does one that is there already."""
    log = make(topics())
    data = batch(b"a", producer=A, sequence=0)
    assert log.append(data, header_of(data)).base_offset == 0
    event = asyncio.Event()
    log.watch(event, committed=False)
    assert log.append(data, header_of(data)).base_offset == 0
    gap = batch(b"a", producer=A, sequence=5)
    assert log.append(gap, header_of(gap)).code == Code.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert (event.is_set(), log.end) == (False, 1)
