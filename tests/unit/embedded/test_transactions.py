"""Who gets which producer id, and what the end of a transaction does to partitions and groups."""

import pytest

from streamproc.embedded.codes import Code
from streamproc.embedded.offsets import Committed
from streamproc.embedded.transaction import Group, Partition, Producer
from tests.unit.embedded.transaction_rig import Marker, Rig

FIRST, SECOND, DOOMED = Partition("out", 0), Partition("out", 1), Partition("doomed", 0)
READERS = Group("readers")
NOBODY = (-1, -1)


@pytest.fixture
def rig() -> Rig:
    """Nobody has asked for a producer id yet."""
    return Rig()


def test_without_a_transactional_id_everybody_is_somebody_else(rig: Rig) -> None:
    """No timeout is looked at, as it is for transactions only."""
    answers = [rig.transactions.initialise(None, timeout_ms) for timeout_ms in (0, -5, 10**9)]
    assert {code for code, _ in answers} == {Code.NONE}
    assert {producer.epoch for _, producer in answers} == {0}
    assert len({producer.id for _, producer in answers}) == 3


def test_a_transactional_id_keeps_its_producer_id(rig: Rig) -> None:
    """Only the epoch tells its owners apart; another transactional id is another producer."""
    first, second, other = rig.owner(), rig.owner(), rig.owner("another")
    assert (first.epoch, second, other.epoch) == (0, Producer(first.id, 1), 0)
    assert other.id != first.id


@pytest.mark.parametrize(
    ("timeout_ms", "taken"), [(-1, False), (0, False), (1, True), (900_000, True), (900_001, False)]
)
def test_a_timeout_is_between_a_millisecond_and_the_maximum(rig: Rig, timeout_ms: int, taken: bool) -> None:
    """The maximum is Kafka's default of `transaction.max.timeout.ms`."""
    code, producer = rig.transactions.initialise("worker", timeout_ms)
    assert code is (Code.NONE if taken else Code.INVALID_TRANSACTION_TIMEOUT)
    assert (producer != NOBODY) is taken


def test_an_empty_transactional_id_is_an_invalid_request_everywhere(rig: Rig) -> None:
    """Even with a bad timeout; and a transactional batch is treated alike."""
    assert rig.transactions.initialise("", -1) == (Code.INVALID_REQUEST, NOBODY)
    producer = Producer(1_000, 0)
    assert rig.transactions.add("", producer, FIRST) is Code.INVALID_REQUEST
    assert rig.transactions.end("", producer, commit=True) is Code.INVALID_REQUEST
    assert rig.transactions.check("", producer, READERS) is Code.INVALID_REQUEST
    assert rig.transactions.check_produce("", *producer, *FIRST) is Code.INVALID_REQUEST


def test_an_unknown_transactional_id_has_no_producer(rig: Rig) -> None:
    """Asking for it does not make it known."""
    producer = rig.owner()
    for _ in range(2):
        assert rig.transactions.add("nobody", producer, FIRST) is Code.INVALID_PRODUCER_ID_MAPPING
        assert rig.transactions.end("nobody", producer, commit=True) is Code.INVALID_PRODUCER_ID_MAPPING
        assert rig.transactions.check("nobody", producer, FIRST) is Code.INVALID_PRODUCER_ID_MAPPING


def test_a_producer_is_nobody_until_the_old_transaction_is_over(rig: Rig) -> None:
    """The epoch between the two owners is never told."""
    old = rig.owner()
    rig.begin(old, FIRST)
    for _ in range(2):
        assert rig.transactions.initialise("worker", 60_000) == (Code.CONCURRENT_TRANSACTIONS, NOBODY)
    rig.write_markers()
    assert rig.owner() == (old.id, 2)
    assert rig.markers(0) == [Marker(old.id, 1, commit=False)]


def test_a_batch_needs_an_open_transaction_with_its_partition(rig: Rig) -> None:
    """Before it is added, after the end, and under an old epoch there is nothing to append to."""
    producer = rig.owner()

    def verdicts() -> list[Code]:
        return [rig.transactions.check_produce("worker", *producer, *partition) for partition in (FIRST, SECOND)]

    assert verdicts() == [Code.INVALID_TXN_STATE, Code.INVALID_TXN_STATE]
    rig.begin(producer, FIRST)
    assert verdicts() == [Code.NONE, Code.INVALID_TXN_STATE]
    assert rig.transactions.check_produce("worker", producer.id, -1, *FIRST) is Code.INVALID_PRODUCER_EPOCH
    assert rig.transactions.check_produce("worker", 1, 0, *FIRST) is Code.INVALID_PRODUCER_ID_MAPPING
    rig.transactions.end("worker", producer, commit=True)
    rig.write_markers()
    assert verdicts() == [Code.INVALID_TXN_STATE, Code.INVALID_TXN_STATE]


@pytest.mark.parametrize("commit", [True, False])
def test_the_end_reaches_every_partition_and_group_of_the_transaction(rig: Rig, commit: bool) -> None:
    """Others hear nothing of it, and neither do the offsets another producer holds in the same group."""
    producer, other = rig.owner(), rig.owner("another")
    rig.begin(producer, FIRST, SECOND, READERS)
    offsets = rig.offsets("readers")
    offsets.commit("in", 0, Committed(3, ""))
    offsets.hold(producer.id, "in", 0, Committed(8, "note"))
    offsets.hold(other.id, "in", 1, Committed(9, ""))
    rig.transactions.end("worker", producer, commit=commit)
    assert rig.markers(0) == []
    assert offsets.committed("in", 0) == Committed(3, "")
    rig.write_markers()
    marker = Marker(*producer, commit=commit)
    assert [rig.markers(number) for number in range(3)] == [[marker], [marker], []]
    assert offsets.committed("in", 0) == (Committed(8, "note") if commit else Committed(3, ""))
    assert offsets.committed("in", 1) is None


def test_a_topic_that_is_gone_stops_nobody(rig: Rig) -> None:
    """The transaction ends on the partitions that are left."""
    producer = rig.owner()
    rig.begin(producer, DOOMED, FIRST)
    del rig.logs[DOOMED]
    rig.transactions.end("worker", producer, commit=True)
    rig.write_markers()
    assert rig.markers(0) == [Marker(*producer, commit=True)]
    rig.begin(producer, FIRST)


def test_a_transaction_in_time_out_forgets_its_offsets(rig: Rig) -> None:
    """The timeout is that of InitProducerId, in milliseconds."""
    producer = rig.owner(timeout_ms=5_000)
    rig.begin(producer, FIRST, READERS)
    rig.offsets("readers").hold(producer.id, "in", 0, Committed(8, ""))
    rig.timers.pass_time(4.9)
    assert rig.transactions.check("worker", producer, READERS) is Code.NONE
    rig.timers.pass_time(0.2)
    assert rig.transactions.check("worker", producer, READERS) is Code.INVALID_PRODUCER_EPOCH
    rig.write_markers()
    assert rig.offsets("readers").committed("in", 0) is None
    assert rig.markers(0) == [Marker(producer.id, producer.epoch + 1, commit=False)]


def test_transactional_ids_do_not_wait_for_each_other(rig: Rig) -> None:
    """One may begin while the markers of the other are written."""
    one, two = rig.owner(), rig.owner("another")
    rig.begin(one, FIRST)
    rig.transactions.end("worker", one, commit=True)
    assert rig.transactions.add("another", two, FIRST) is Code.NONE
