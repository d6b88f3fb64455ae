"""The claim: how an assignment begins. It shuts out the former owner, then reads where that one stood.

In this order: whoever is shut out can move nothing any more, so what is read stays true. The heartbeats around it keep
a process that was frozen, and woke up when the group had moved on, from shutting out the rightful owner.
"""

from collections.abc import Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from streamproc.chain.clock import Clock
from streamproc.kafka.assignment import Claim
from streamproc.kafka.membership import Membership
from streamproc.kafka.metadata import CommitMetadata, next_epoch
from streamproc.kafka.transactor import NewTransactor

__all__ = ["claim"]


async def claim(
    key: TopicPartition, consumer: Any, membership: Membership, new_transactor: NewTransactor, clock: Clock
) -> Claim | None:
    """The partition's claim; None when the group has moved on meanwhile.

    Raises:
        SetupError: the stored metadata is not ours.
        PublishFailed: the transaction that says so broke.
        KafkaError: a broker is away, or refuses us.
    """
    generation = membership.generation
    if not await membership.is_alive(generation):
        return None
    transactor = new_transactor(key)
    try:
        await transactor.start()
        if not await membership.is_alive(generation):
            await transactor.stop()
            return None
        position, stored = await _committed(consumer, key)
        done = frozenset[int]() if stored is None else stored.done
        metadata = CommitMetadata(next_epoch(stored, clock.time()), done)
        await transactor.commit((), position, metadata.encode())
    except BaseException:
        await transactor.stop()
        raise
    return Claim(transactor, position, metadata, None if stored is None else stored.epoch)


async def _committed(consumer: Any, key: TopicPartition) -> tuple[int, CommitMetadata | None]:
    # The public `committed()` gives no metadata; the coordinator's own method does (aiokafka 0.14).
    found: Mapping[TopicPartition, OffsetAndMetadata] = await consumer._coordinator.fetch_committed_offsets([key])  # noqa: SLF001
    stored = found.get(key)
    if stored is None or stored.offset < 0:
        beginning: dict[TopicPartition, int] = await consumer.beginning_offsets([key])
        return beginning[key], None
    return stored.offset, CommitMetadata.decode(stored.metadata)
