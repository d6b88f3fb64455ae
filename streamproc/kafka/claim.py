"""The claim: how an assignment begins. It reads where the group stood, and writes that from now on it is ours."""

from typing import Any

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from streamproc.chain.clock import Clock
from streamproc.kafka.assignment import Assignment
from streamproc.kafka.committer import Committer
from streamproc.kafka.metadata import CommitMetadata, next_epoch

__all__ = ["claim"]


async def claim(assignment: Assignment, consumer: Any, committer: Committer, clock: Clock) -> bool:
    """Makes the assignment READY; False when the partition moved on meanwhile.

    Raises:
        SetupError: the stored metadata is not ours.
        KafkaError: the coordinator refuses us.
    """
    key = assignment.key
    position, stored = await _committed(consumer, key)
    done = frozenset[int]() if stored is None else stored.done
    metadata = CommitMetadata(next_epoch(stored, clock.time()), done)
    if not await committer.commit(key, position, metadata.encode()):
        return False
    # aiokafka began to fetch at the offset it read by itself; records that came before READY were dropped.
    consumer.seek(key, position)
    assignment.claimed(position, metadata)
    return True


async def _committed(consumer: Any, key: TopicPartition) -> tuple[int, CommitMetadata | None]:
    # The public `committed()` gives no metadata; the coordinator's own method does (aiokafka 0.14).
    found: dict[TopicPartition, OffsetAndMetadata] = await consumer._coordinator.fetch_committed_offsets([key])  # noqa: SLF001
    stored = found.get(key)
    if stored is None or stored.offset < 0:
        beginning: dict[TopicPartition, int] = await consumer.beginning_offsets([key])
        return beginning[key], None
    return stored.offset, CommitMetadata.decode(stored.metadata)
