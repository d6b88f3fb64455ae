"""Idempotence: sequence numbers of one producer id in one partition."""

from typing import Any

import pytest_asyncio
from aiokafka.protocol.transaction import InitProducerIdRequest_v0

from streamproc.embedded.codes import Code
from tests.contract.broker.batches import Producer, batch
from tests.contract.broker.partition import Partition, Produced
from tests.contract.broker.wire import Wire


class Numbered:
    """Writes batches of a producer id, each with the sequence a test says."""

    def __init__(self, partition: Partition, producer: Producer) -> None:
        self.partition, self.producer = partition, producer

    async def send(self, sequence: int, records: int = 1, *, epoch: int | None = None) -> Produced:
        """One batch."""
        producer = self.producer if epoch is None else Producer(self.producer.id, epoch)
        values = [b"%d" % (sequence + n) for n in range(records)]
        return await self.partition.produce(batch(*values, producer=producer, sequence=sequence))


async def new_producer(wire: Wire) -> Producer:
    """An id without a transactional id."""
    answer = await wire.ask(InitProducerIdRequest_v0(None, 60_000))
    assert answer.error_code == Code.NONE
    return Producer(answer.producer_id, answer.producer_epoch)


@pytest_asyncio.fixture
async def numbered(partition: Partition) -> Numbered:
    """A new producer id for a new partition."""
    return Numbered(partition, await new_producer(partition.wire))


def refused(code: Code) -> Any:
    """An answer with this code."""
    return Produced(code, -1)


async def test_each_producer_gets_an_id_of_its_own(wire: Wire) -> None:
    """In epoch 0."""
    producers = [await new_producer(wire) for _ in range(3)]
    assert len({producer.id for producer in producers}) == 3
    assert {producer.epoch for producer in producers} == {0}


async def test_the_sequence_counts_records(numbered: Numbered) -> None:
    """The next batch goes on where the last record was."""
    assert [await numbered.send(0, 3), await numbered.send(3, 2), await numbered.send(5)] == [
        Produced(Code.NONE, 0),
        Produced(Code.NONE, 3),
        Produced(Code.NONE, 5),
    ]


async def test_a_stored_batch_keeps_its_producer(numbered: Numbered) -> None:
    """Id, epoch and sequence come back with the records."""
    await numbered.send(0, 2)
    await numbered.send(2)
    stored = (await numbered.partition.fetch()).batches
    assert [(one.producer, one.sequence) for one in stored] == [(numbered.producer, 0), (numbered.producer, 2)]


async def test_a_repeated_batch_gets_its_first_offset_again(numbered: Numbered) -> None:
    """And is stored once. The last five batches of a producer are known."""
    first = [await numbered.send(2 * n, 2) for n in range(5)]
    again = [await numbered.send(2 * n, 2) for n in range(5)]
    assert first == again == [Produced(Code.NONE, 2 * n) for n in range(5)]
    assert (await numbered.partition.fetch()).end == 10


async def test_a_batch_repeated_too_late_is_out_of_order(numbered: Numbered) -> None:
    """The sixth batch made the first one forgotten."""
    for n in range(6):
        await numbered.send(n)
    assert await numbered.send(0) == refused(Code.OUT_OF_ORDER_SEQUENCE_NUMBER)
    assert await numbered.send(1) == Produced(Code.NONE, 1)


async def test_a_gap_is_out_of_order(numbered: Numbered) -> None:
    """Nothing is stored; what should have come is still taken."""
    await numbered.send(0)
    assert await numbered.send(2) == refused(Code.OUT_OF_ORDER_SEQUENCE_NUMBER)
    assert await numbered.send(1) == Produced(Code.NONE, 1)


async def test_a_batch_that_overlaps_a_stored_one_is_out_of_order(numbered: Numbered) -> None:
    """It begins or ends elsewhere than what is known."""
    await numbered.send(0, 3)
    for sequence, records in ((0, 2), (1, 2), (2, 2), (0, 4)):
        assert await numbered.send(sequence, records) == refused(Code.OUT_OF_ORDER_SEQUENCE_NUMBER)


async def test_a_producer_may_begin_with_any_sequence_where_it_is_unknown(numbered: Numbered) -> None:
    """Its earlier records may have been deleted: the partition cannot know."""
    assert await numbered.send(5) == Produced(Code.NONE, 0)
    assert await numbered.send(0) == refused(Code.OUT_OF_ORDER_SEQUENCE_NUMBER)
    assert await numbered.send(6) == Produced(Code.NONE, 1)


async def test_a_new_epoch_begins_with_0(numbered: Numbered) -> None:
    """And ends the one before."""
    await numbered.send(0, 3)
    assert await numbered.send(3, epoch=1) == refused(Code.OUT_OF_ORDER_SEQUENCE_NUMBER)
    assert await numbered.send(0, epoch=1) == Produced(Code.NONE, 3)
    assert await numbered.send(3, epoch=0) == refused(Code.INVALID_PRODUCER_EPOCH)
    assert await numbered.send(1, epoch=1) == Produced(Code.NONE, 4)


async def test_the_sequence_wraps_behind_the_largest_number(numbered: Numbered) -> None:
    """After 2,147,483,647 comes 0; a batch may reach over the edge."""
    largest = 2**31 - 1
    assert await numbered.send(largest - 1, 1) == Produced(Code.NONE, 0)
    assert await numbered.send(largest, 3) == Produced(Code.NONE, 1)
    assert await numbered.send(largest, 3) == Produced(Code.NONE, 1)
    assert await numbered.send(2) == Produced(Code.NONE, 4)


async def test_producers_do_not_meet(numbered: Numbered) -> None:
    """Each has a sequence of its own in each partition."""
    other = Numbered(numbered.partition, await new_producer(numbered.partition.wire))
    assert [(await one.send(n)).code for n in range(3) for one in (numbered, other)] == [Code.NONE] * 6


async def test_a_producer_id_needs_a_sequence(numbered: Numbered) -> None:
    """A batch has both or none."""
    assert await numbered.send(-1) == refused(Code.INVALID_RECORD)
