"""New committed offsets for a group: what they would be, what follows from them, and how they are set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from aiokafka import TopicPartition

from streamproc.errors import SetupError
from streamproc.kafka.metadata import CommitMetadata, MetadataState, StoredMetadata, next_epoch
from streamproc.kafka.positions import Position, PositionReader
from streamproc.kafka.reader import Place
from streamproc.kafka.transactor import NewTransactor

__all__ = ["Change", "Target", "apply", "check_rest", "plan_change"]

_READABLE = {MetadataState.NONE, MetadataState.OURS}


class Target(NamedTuple):
    """Where to: `value` is an offset, or unix milliseconds with `time`."""

    kind: Literal["earliest", "latest", "current", "offset", "time"]
    value: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """A partition's new offset.

    Attributes:
        again: records that were finished, as far as it is known, and would run again.
        skipped: records that were not finished and never would be.
        is_exact: whether both are known: not, where nobody knows what was finished.
    """

    position: Position
    offset: int

    @property
    def again(self) -> int:
        """See the class."""
        position, committed = self.position, self._committed
        begin = max(self.offset, position.begin)
        if committed is None:
            return max(position.end - begin, 0)
        return max(committed - begin, 0) + sum(offset >= self.offset for offset in position.finished)

    @property
    def skipped(self) -> int:
        """See the class."""
        position, committed = self.position, self._committed
        if committed is None:
            return max(self.offset - position.begin, 0)
        unfinished = max(committed, position.begin)
        return max(self.offset - unfinished - sum(offset < self.offset for offset in position.finished), 0)

    @property
    def is_exact(self) -> bool:
        """See the class."""
        return self._committed is not None and self.position.stored.state in _READABLE

    @property
    def _committed(self) -> int | None:
        # An offset behind the end is of records that are gone; of those that are there it tells nothing.
        committed = self.position.committed
        return None if committed is None or committed > self.position.end else committed


def plan_change(position: Position, target: Target, at_time: int | None = None) -> Change:
    """The change to a target; `at_time` is the offset that belongs to a target in time.

    Raises:
        SetupError: the partition has no such offset.
    """
    name = f"{position.place.topic} partition {position.place.partition}"
    if target.kind == "earliest":
        return Change(position, position.begin)
    if target.kind == "latest":
        return Change(position, position.end)
    if target.kind == "time":
        return Change(position, position.end if at_time is None else at_time)
    if target.kind == "current":
        if position.committed is None:
            raise SetupError(
                f"{name} has no committed offset to keep: use --to earliest, latest, an offset or a time, or"
                " name another one with --partition"
            )
        if position.committed > position.end:
            raise SetupError(
                f"{name} ends at {position.end}, before its committed offset {position.committed}: use --to earliest"
                " or latest"
            )
        return Change(position, position.committed)
    if not position.begin <= target.value <= position.end:
        raise SetupError(f"{name} has offsets from {position.begin} to {position.end}, and not {target.value}")
    return Change(position, target.value)


def check_rest(changes: Sequence[Change], positions: Sequence[Position]) -> None:
    """Checks that the partitions which are left as they are do not start by themselves.

    Raises:
        SetupError: a topic has no offset yet, and would have some: workers take its other partitions for new ones then.
    """
    chosen = {change.position.place for change in changes}
    for topic in dict.fromkeys(place.topic for place in chosen):
        own = [position for position in positions if position.place.topic == topic]
        left = [item.place.partition for item in own if item.place not in chosen and item.begin < item.end]
        if left and all(position.committed is None for position in own):
            raise SetupError(
                f"partitions {', '.join(map(str, left))} of {topic} hold records and have no committed offset either;"
                " with one beside them workers would start them at the earliest record: reset them in the same command"
            )


async def apply(
    reader: PositionReader, changes: Sequence[Change], new_transactor: NewTransactor, now: float
) -> Mapping[Place, int]:
    """Sets the offsets, all or none, with an epoch above the stored one; gives them.

    A worker that is frozen outside its group could still move them by its transactions, so it is shut out first, as
    by a claim.

    Raises:
        SetupError: somebody is in the group, or the offsets have moved since the changes were planned.
    """
    for change in changes:
        place = change.position.place
        transactor = new_transactor(TopicPartition(*place))
        try:
            await transactor.start()
        finally:
            await transactor.stop()
    planned = {change.position.place: change.position for change in changes}
    for position in await reader.positions(dict.fromkeys(place.topic for place in planned)):
        before = planned.get(position.place, position)
        if (position.committed, position.stored) != (before.committed, before.stored):
            raise SetupError(
                f"the offset of {position.place.topic} partition {position.place.partition} has moved meanwhile:"
                " nothing was changed"
            )
    offsets = {change.position.place: change.offset for change in changes}
    await reader.commit(
        {place: (offset, _metadata(planned[place].stored, now).encode()) for place, offset in offsets.items()}
    )
    return offsets


def _metadata(stored: StoredMetadata, now: float) -> CommitMetadata:
    # Calls of former owners are billed all the same, so the journal is read from where they left it.
    journal = None if stored.metadata is None else stored.metadata.journal
    return CommitMetadata(next_epoch(stored.epoch, now), journal=journal)
