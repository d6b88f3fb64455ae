"""The committed offsets of one group, and those that open transactions hold back."""

from collections.abc import Iterator
from typing import NamedTuple

from streamproc.embedded.codes import Code

__all__ = ["MAX_METADATA_CHARACTERS", "Committed", "GroupOffsets", "check_metadata"]

MAX_METADATA_CHARACTERS = 4_096
"""Kafka's default of `offset.metadata.max.bytes`, which in spite of its name counts characters, and as Java does: one
outside the basic plane, as an emoji, is two."""


class Committed(NamedTuple):
    """Where a group goes on in one partition, and what the client noted beside it."""

    offset: int
    metadata: str
    leader_epoch: int = -1


class _Noted(NamedTuple):
    order: int  # the place among everything that came to this group
    committed: Committed


def check_metadata(metadata: str | None) -> Code:
    """NONE, or OFFSET_METADATA_TOO_LARGE for a note above `MAX_METADATA_CHARACTERS`."""
    too_large = metadata is not None and len(metadata.encode("utf-16-le")) > 2 * MAX_METADATA_CHARACTERS
    return Code.OFFSET_METADATA_TOO_LARGE if too_large else Code.NONE


class GroupOffsets:
    """Offsets by topic and partition. What a transaction holds is seen by nobody until it commits."""

    def __init__(self) -> None:
        self._committed: dict[tuple[str, int], _Noted] = {}
        self._held: dict[int, dict[tuple[str, int], _Noted]] = {}
        self._last = 0

    def __iter__(self) -> Iterator[tuple[str, int, Committed]]:
        """All that is committed, as topic, partition, offset."""
        return ((topic, partition, noted.committed) for (topic, partition), noted in self._committed.items())

    @property
    def is_empty(self) -> bool:
        """Whether nothing is committed and nothing held."""
        return not self._committed and not self._held

    def committed(self, topic: str, partition: int) -> Committed | None:
        """The last committed offset, or None."""
        noted = self._committed.get((topic, partition))
        return None if noted is None else noted.committed

    def commit(self, topic: str, partition: int, committed: Committed) -> None:
        """Puts the offset in the place of the one before, be it smaller or larger."""
        self._committed[topic, partition] = self._noted(committed)

    def hold(self, producer_id: int, topic: str, partition: int, committed: Committed) -> None:
        """Keeps the offset until the producer's transaction ends."""
        self._held.setdefault(producer_id, {})[topic, partition] = self._noted(committed)

    def resolve(self, producer_id: int, *, commit: bool) -> None:
        """Ends the producer's transaction: its offsets are committed or forgotten; without any, nothing happens.

        An offset counts from when it was held: what was committed since then is newer, and stays.
        """
        for key, noted in self._held.pop(producer_id, {}).items():
            if commit and (key not in self._committed or self._committed[key].order < noted.order):
                self._committed[key] = noted

    def forget_topic(self, topic: str) -> None:
        """Drops everything about a topic that was deleted."""
        for offsets in (self._committed, *self._held.values()):
            for key in [key for key in offsets if key[0] == topic]:
                del offsets[key]

    def _noted(self, committed: Committed) -> _Noted:
        self._last += 1
        return _Noted(self._last, committed)
