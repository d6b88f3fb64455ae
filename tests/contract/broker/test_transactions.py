"""Transactions: begun, ended, repeated, timed out; the coordinator's codes."""

import pytest

from streamproc.embedded.codes import Code
from tests.contract.broker.batches import Producer, batch
from tests.contract.broker.conftest import Connect
from tests.contract.broker.partition import Partition, Produced
from tests.contract.broker.topics import delete, make
from tests.contract.broker.transactor import Transactor
from tests.contract.broker.wire import Wire, settled


async def test_a_transactional_id_keeps_its_producer_id(wire: Wire, topic_prefix: str) -> None:
    """Each start raises the epoch; another id has another producer id."""
    one, other = Transactor(wire, f"{topic_prefix}.1"), Transactor(wire, f"{topic_prefix}.2")
    seen = []
    for transactor in (one, other, one, one):
        await transactor.start()
        seen.append(transactor.producer)
    first, second = seen[0].id, seen[1].id
    assert first != second
    assert seen == [Producer(first, 0), Producer(second, 0), Producer(first, 1), Producer(first, 2)]


@pytest.mark.parametrize("timeout_ms", [0, -1, 900_001])
async def test_a_timeout_outside_the_brokers_limits_is_refused(wire: Wire, topic_prefix: str, timeout_ms: int) -> None:
    """At most fifteen minutes."""
    assert await Transactor(wire, topic_prefix, timeout_ms=timeout_ms).init() == Code.INVALID_TRANSACTION_TIMEOUT


async def test_an_empty_transactional_id_is_refused(wire: Wire) -> None:
    """None would be a producer without transactions."""
    assert await Transactor(wire, "").init() == Code.INVALID_REQUEST


async def test_a_transaction_that_was_not_begun_cannot_end(transactor: Transactor) -> None:
    """Nothing was added to it."""
    assert await transactor.end(commit=True) == Code.INVALID_TXN_STATE
    assert await transactor.end(commit=False) == Code.INVALID_TXN_STATE


async def test_a_partition_has_to_be_added_before_it_is_written_to(
    transactor: Transactor, wire: Wire, topic_prefix: str
) -> None:
    """In each transaction."""
    first, second = await make(wire, f"{topic_prefix}.two", 2)
    assert await transactor.produce(first, b"a") == Produced(Code.INVALID_TXN_STATE, -1)
    assert await transactor.add(first) == Code.NONE
    assert await transactor.produce(second, b"a") == Produced(Code.INVALID_TXN_STATE, -1)
    assert await transactor.produce(first, b"a") == Produced(Code.NONE, 0)
    await transactor.commit()
    # Until the coordinator is through with it, Kafka takes a batch into the transaction that ends, or is too busy to say.
    assert await settled(transactor.add, second) == Code.NONE
    assert (await transactor.produce(first, b"b")).code == Code.INVALID_TXN_STATE


async def test_a_partition_may_be_added_twice(transactor: Transactor, partition: Partition) -> None:
    """The second time changes nothing."""
    assert [await transactor.add(partition) for _ in range(2)] == [Code.NONE] * 2


async def test_of_partitions_added_together_all_must_exist(
    transactor: Transactor, wire: Wire, topic_prefix: str
) -> None:
    """None is added when one does not, and each is told which one it was."""
    (known,) = await make(wire, f"{topic_prefix}.known")
    unknown = Partition(wire, known.topic, 7)
    codes = await transactor.add_each(known, unknown)
    assert codes == {0: Code.OPERATION_NOT_ATTEMPTED, 7: Code.UNKNOWN_TOPIC_OR_PARTITION}
    assert (await transactor.produce(known, b"a")).code == Code.INVALID_TXN_STATE


async def test_a_transactional_batch_needs_its_transactional_id(transactor: Transactor, partition: Partition) -> None:
    """In the request, and one that is known."""
    await transactor.add(partition)
    data = batch(b"a", producer=transactor.producer, sequence=0, transactional=True)
    unknown = await partition.produce(data, transactional_id=f"{transactor.id}.unknown")
    assert unknown == Produced(Code.INVALID_PRODUCER_ID_MAPPING, -1)
    assert await partition.produce(data) == Produced(Code.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, -1)
    assert (await partition.fetch()).end == 0


async def test_a_batch_without_transaction_cannot_come_into_one(transactor: Transactor, partition: Partition) -> None:
    """The producer has to end it first."""
    await transactor.write(partition, b"a")
    stray = batch(b"b", producer=transactor.producer, sequence=1)
    assert await partition.produce(stray) == Produced(Code.INVALID_TXN_STATE, -1)
    assert (await transactor.produce(partition, b"b")) == Produced(Code.NONE, 1)


async def test_a_transaction_whose_topic_was_deleted_can_end(
    transactor: Transactor, partition: Partition, topic_prefix: str
) -> None:
    """Its other partitions get their markers, and the next transaction begins."""
    (doomed,) = await make(partition.wire, f"{topic_prefix}.doomed")
    for written in (doomed, partition):
        await transactor.write(written, b"a")
    assert await delete(partition.wire, doomed.topic) == Code.NONE
    await transactor.commit()
    await partition.has_stable(2)
    assert await settled(transactor.add, partition) == Code.NONE


async def test_the_sequence_goes_on_over_transactions(transactor: Transactor, partition: Partition) -> None:
    """One that was aborted counts as well; a repeat is known by it."""
    assert await transactor.write(partition, b"a", b"b") == 0
    await transactor.abort()
    assert await transactor.write(partition, b"c") == 3
    await transactor.commit()
    assert await settled(transactor.add, partition) == Code.NONE
    again = batch(b"c", producer=transactor.producer, sequence=2, transactional=True)
    gap = batch(b"e", producer=transactor.producer, sequence=4, transactional=True)
    assert await partition.produce(again, transactional_id=transactor.id) == Produced(Code.NONE, 3)
    produced = await partition.produce(gap, transactional_id=transactor.id)
    assert produced == Produced(Code.OUT_OF_ORDER_SEQUENCE_NUMBER, -1)


async def test_an_end_may_be_repeated(transactor: Transactor, partition: Partition) -> None:
    """For a client whose answer was lost; the other end is refused."""
    for commit in (True, False):
        await transactor.write(partition, b"a")
        assert await settled(transactor.end, commit=commit) == Code.NONE
        assert await settled(transactor.end, commit=commit) == Code.NONE
        assert await transactor.end(commit=not commit) == Code.INVALID_TXN_STATE


async def test_the_next_transaction_may_have_to_wait_for_the_markers(
    transactor: Transactor, wire: Wire, topic_prefix: str
) -> None:
    """EndTxn is answered before they are written. All that comes meanwhile gets CONCURRENT_TRANSACTIONS, then success."""
    partitions = await make(wire, f"{topic_prefix}.many", 4)
    for _ in range(20):
        for partition in partitions:
            await transactor.write(partition, b"a")
        assert await transactor.end(commit=True) == Code.NONE
        assert await transactor.add(partitions[0]) in {Code.NONE, Code.CONCURRENT_TRANSACTIONS}
        assert await settled(transactor.add, partitions[0]) == Code.NONE
    for partition in partitions[1:]:
        await partition.has_stable(40)


async def test_a_start_during_a_transaction_aborts_it(transactor: Transactor, partition: Partition) -> None:
    """The id is given when that is done, and its epoch is higher."""
    before = transactor.producer
    await transactor.write(partition, b"a")
    assert await transactor.init() == Code.CONCURRENT_TRANSACTIONS
    await transactor.start()
    assert transactor.producer.id == before.id
    assert transactor.producer.epoch > before.epoch
    fetched = await partition.fetch(committed=True)
    assert (fetched.stable, fetched.end, fetched.aborted) == (2, 2, [(before.id, 0)])


async def test_a_transaction_that_takes_too_long_is_aborted(
    connect: Connect, partition: Partition, topic_prefix: str
) -> None:
    """Without its producer, which is fenced then and may start again."""
    slow = Transactor(await connect(), f"{topic_prefix}.slow", timeout_ms=1_000)
    await slow.start()
    before = slow.producer
    await slow.write(partition, b"a")
    await partition.has_stable(2)
    assert (await partition.fetch(committed=True)).aborted == [(before.id, 0)]
    assert await slow.end(commit=True) == Code.INVALID_PRODUCER_EPOCH
    assert await slow.add(partition) == Code.INVALID_PRODUCER_EPOCH
    assert (await slow.produce(partition, b"b")).code == Code.INVALID_PRODUCER_EPOCH
    await slow.start()
    assert slow.producer.id == before.id
    assert slow.producer.epoch > before.epoch
    assert await slow.write(partition, b"c") == 2
    await slow.commit()


async def test_an_id_that_was_never_started_is_unknown(wire: Wire, partition: Partition, topic_prefix: str) -> None:
    """To all requests."""
    never = Transactor(wire, f"{topic_prefix}.never")
    never.producer = Producer(0, 0)
    assert await never.add(partition) == Code.INVALID_PRODUCER_ID_MAPPING
    assert await never.add_offsets(topic_prefix) == Code.INVALID_PRODUCER_ID_MAPPING
    assert await never.end(commit=True) == Code.INVALID_PRODUCER_ID_MAPPING
    assert await never.commit_offset(topic_prefix, partition.topic, 1) == Code.INVALID_PRODUCER_ID_MAPPING


async def test_transactions_of_two_producers_end_each_for_itself(
    connect: Connect, partition: Partition, topic_prefix: str
) -> None:
    """In one partition, in whatever order they began."""
    first, second = [Transactor(await connect(), f"{topic_prefix}.{n}") for n in range(2)]
    for transactor in (first, second):
        await transactor.start()
        await transactor.write(partition, transactor.id.encode())
    await second.commit()
    assert (await partition.fetch(committed=True)).stable == 0
    await first.abort()
    await partition.has_stable(4)
    assert (await partition.fetch(committed=True)).aborted == [(first.producer.id, 0)]
