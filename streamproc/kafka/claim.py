"""The claim: how an assignment begins. It shuts out the former owner, then reads where that one stood.

In this order: whoever is shut out can move nothing any more, so what is read stays true. The heartbeats around it keep
a process that was frozen, and woke up when the group had moved on, from shutting out the rightful owner. The journal is
read at the end: a call that is begun after that by whoever was shut out is not possible, because its lease is over.
"""

from typing import Any

from aiokafka import TopicPartition

from streamproc.chain.clock import Clock
from streamproc.errors import SetupError
from streamproc.kafka.assignment import Assignment, Claim
from streamproc.kafka.committed import committed_offsets
from streamproc.kafka.inherited import Inherited
from streamproc.kafka.journals import Journals
from streamproc.kafka.membership import Membership
from streamproc.kafka.metadata import CommitMetadata, next_epoch
from streamproc.kafka.transactor import NewTransactor
from streamproc.settings.kafka import StartWithoutOffset

__all__ = ["claim"]


async def claim(
    assignment: Assignment,
    consumer: Any,
    membership: Membership,
    new_transactor: NewTransactor,
    journals: Journals,
    start: StartWithoutOffset,
    clock: Clock,
) -> Claim | None:
    """The claim of an assignment's partition; None when the group has moved on meanwhile.

    Raises:
        SetupError: the stored metadata is not ours, there is no offset where there should be one, it lies behind the
            partition's end, or Kafka does not let us have transactions.
        PublishFailed: the transaction that says so broke.
        KafkaError: a broker is away, or refuses us.
    """
    key, owner = assignment.key, assignment.owner
    generation = membership.generation
    if not await membership.is_alive(generation):
        return None
    transactor = new_transactor(key)
    try:
        await transactor.start()
        if not await membership.is_alive(generation):
            await transactor.stop()
            return None
        position, found = await _committed(consumer, journals, membership.group, key, start)
        stored = found or CommitMetadata(0)
        if assignment.epoch and stored.owner != owner:
            # Lost in the meantime. This owner's name must not stand there again: should the claim break after that,
            # the next one would find it, and go on with runs that somebody else has finished.
            return Claim(transactor, position, stored, stored.owner, Inherited(position, ()), 0)
        journal = await journals.end(key.partition) if stored.journal is None else stored.journal
        epoch = next_epoch(None if found is None else found.epoch, clock.time())
        metadata = CommitMetadata(epoch, stored.done, owner, journal)
        await transactor.commit((), position, metadata.encode())
        inherited = Inherited(position, {position + distance for distance in stored.done})
        if not assignment.epoch:
            journal = await journals.read(key, owner, journal, inherited)
            if answered := inherited.answered:
                # These bills leave with their answers: only those of them that nobody has published.
                inherited.resolve(await journals.published(key.partition, answered))
    except BaseException:
        await transactor.stop()
        raise
    return Claim(transactor, position, metadata, stored.owner, inherited, journal)


async def _committed(
    consumer: Any, journals: Journals, group: str, key: TopicPartition, start: StartWithoutOffset
) -> tuple[int, CommitMetadata | None]:
    stored = (await committed_offsets(consumer, group, [key])).get(key)
    if stored is not None:
        await _refuse_gap(journals, group, key, stored.offset)
        try:
            return stored.offset, CommitMetadata.decode(stored.metadata)
        except SetupError as exc:
            raise SetupError(f"{key.topic} partition {key.partition}: {exc}") from exc
    if start == "latest":
        ends: dict[TopicPartition, int] = await consumer.end_offsets([key])
        return ends[key], None
    if start == "refuse":
        await _refuse_records(consumer, group, key)
    begins: dict[TopicPartition, int] = await consumer.beginning_offsets([key])
    return begins[key], None


async def _refuse_gap(journals: Journals, group: str, key: TopicPartition, position: int) -> None:
    # New records would take offsets that count as finished, and nobody would ever hear of them. The journals are asked,
    # because the consumer's own connection is busy with a fetch that waits for records.
    end = await journals.end_of(key)
    if position > end:
        raise SetupError(
            f"group {group} has finished {key.topic} partition {key.partition} up to offset {position}, and the"
            f" partition ends at {end}: the topic was made anew, or has lost records; stop all workers and say"
            " where they go on, with `streamproc offsets reset` --to earliest or --to latest"
        )


async def _refuse_records(consumer: Any, group: str, key: TopicPartition) -> None:
    # The topic as a whole is looked at. Kafka forgets the offsets of a group all at once; where there is one, the
    # claimed partition is new and so are its records. And an empty partition is not to be committed beside one with
    # records: it would vouch for that one.
    numbers = {key.partition, *(consumer.partitions_for_topic(key.topic) or ())}
    keys = [TopicPartition(key.topic, number) for number in numbers]
    begins: dict[TopicPartition, int] = await consumer.beginning_offsets(keys)
    ends: dict[TopicPartition, int] = await consumer.end_offsets(keys)
    held = sum(ends[key] - begins[key] for key in keys)
    # The offsets after the ends: a record that came when somebody had begun is no reason.
    if held and not await committed_offsets(consumer, group, keys):
        raise SetupError(
            f"topic {key.topic} holds {held} records, and group {group} has no committed offset for it: it is new, or"
            " Kafka forgot its offsets after days without workers; say where it starts: kafka.start_without_offset ="
            ' "earliest" answers every record, also those answered before, "latest" skips them; or set offsets once'
            " with `streamproc offsets reset`"
        )
