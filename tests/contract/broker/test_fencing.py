"""Fencing: InitProducerId ends the former producer of a transactional id, whatever it still tries."""

from typing import NamedTuple

import pytest_asyncio

from streamproc.embedded.codes import Code
from tests.contract.broker.batches import Producer
from tests.contract.broker.conftest import Connect
from tests.contract.broker.member import Committed, committed
from tests.contract.broker.partition import Partition, Produced
from tests.contract.broker.topics import make
from tests.contract.broker.transactor import Transactor


class Rivals(NamedTuple):
    """A zombie, which has an open transaction or not, and who took its id."""

    zombie: Transactor
    successor: Transactor


@pytest_asyncio.fixture
async def rivals(connect: Connect, transactor: Transactor, partition: Partition) -> Rivals:
    """The zombie wrote a record; its successor's start aborted that."""
    await transactor.write(partition, b"zombie")
    successor = Transactor(await connect(), transactor.id)
    await successor.start()
    return Rivals(transactor, successor)


async def test_a_zombie_cannot_write(rivals: Rivals, partition: Partition) -> None:
    """Not to the partition of its transaction, and nothing is stored."""
    end = (await partition.fetch()).end
    assert await rivals.zombie.produce(partition, b"late") == Produced(Code.INVALID_PRODUCER_EPOCH, -1)
    assert (await partition.fetch()).end == end


async def test_a_zombie_cannot_write_where_nobody_wrote(rivals: Rivals, topic_prefix: str) -> None:
    """The partition does not know its producer id; the coordinator does."""
    (fresh,) = await make(rivals.zombie.wire, f"{topic_prefix}.fresh")
    assert await rivals.zombie.produce(fresh, b"late") == Produced(Code.INVALID_PRODUCER_EPOCH, -1)


async def test_a_zombie_cannot_write_into_its_successors_transaction(rivals: Rivals, partition: Partition) -> None:
    """That the partition is in a transaction again changes nothing."""
    await rivals.successor.write(partition, b"successor")
    assert await rivals.zombie.produce(partition, b"late") == Produced(Code.INVALID_PRODUCER_EPOCH, -1)


async def test_a_zombie_cannot_add_partitions(rivals: Rivals, partition: Partition) -> None:
    """INVALID_PRODUCER_EPOCH is what clients of this version are told instead of PRODUCER_FENCED."""
    assert await rivals.zombie.add(partition) == Code.INVALID_PRODUCER_EPOCH


async def test_a_zombie_cannot_end_a_transaction(rivals: Rivals, partition: Partition) -> None:
    """Neither its own, which is over, nor its successor's, which goes on."""
    for commit in (True, False):
        assert await rivals.zombie.end(commit=commit) == Code.INVALID_PRODUCER_EPOCH
    await rivals.successor.write(partition, b"successor")
    for commit in (True, False):
        assert await rivals.zombie.end(commit=commit) == Code.INVALID_PRODUCER_EPOCH
    await rivals.successor.commit()
    await partition.has_stable(4)
    assert (await partition.fetch(committed=True)).aborted == [(rivals.zombie.producer.id, 0)]


async def test_a_zombie_cannot_commit_offsets(rivals: Rivals, partition: Partition, topic_prefix: str) -> None:
    """By neither of the two requests."""
    assert await rivals.zombie.add_offsets(topic_prefix) == Code.INVALID_PRODUCER_EPOCH
    await rivals.successor.add_offsets(topic_prefix)
    assert await rivals.zombie.commit_offset(topic_prefix, partition.topic, 7) == Code.INVALID_PRODUCER_EPOCH
    await rivals.successor.commit()
    assert await committed(rivals.successor.wire, topic_prefix, partition.topic) == Committed(-1, "")


async def test_a_higher_epoch_than_was_given_is_refused(transactor: Transactor, partition: Partition) -> None:
    """Nobody has it."""
    await transactor.add(partition)
    transactor.producer = Producer(transactor.producer.id, transactor.producer.epoch + 1)
    assert await transactor.add(partition) == Code.INVALID_PRODUCER_EPOCH
    assert await transactor.end(commit=True) == Code.INVALID_PRODUCER_EPOCH
    assert (await transactor.produce(partition, b"a")).code == Code.INVALID_PRODUCER_EPOCH


async def test_another_producer_id_is_refused(transactor: Transactor, partition: Partition, topic_prefix: str) -> None:
    """It does not belong to this transactional id."""
    await transactor.add(partition)
    transactor.producer = Producer(transactor.producer.id + 1_000_000, transactor.producer.epoch)
    assert await transactor.add(partition) == Code.INVALID_PRODUCER_ID_MAPPING
    assert await transactor.end(commit=True) == Code.INVALID_PRODUCER_ID_MAPPING
    assert await transactor.add_offsets(topic_prefix) == Code.INVALID_PRODUCER_ID_MAPPING
    assert await transactor.commit_offset(topic_prefix, partition.topic, 1) == Code.INVALID_PRODUCER_ID_MAPPING
    assert (await transactor.produce(partition, b"a")).code == Code.INVALID_PRODUCER_ID_MAPPING
