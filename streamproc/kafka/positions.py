"""Where a group stands on its request topics, read without joining it, and set while nobody is in it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError
from aiokafka.structs import OffsetAndMetadata

from streamproc.errors import SetupError
from streamproc.kafka.committed import GroupState, committed_offsets, group_state
from streamproc.kafka.connection import client_options, setup_errors
from streamproc.kafka.metadata import StoredMetadata, read_metadata
from streamproc.kafka.reader import Place, Reader
from streamproc.settings.settings import Settings

__all__ = ["Position", "PositionReader"]

_PATIENCE_SECONDS = 20.0
_AGAIN_SECONDS = 0.2

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Position:
    """Where the group stands in one partition.

    Attributes:
        begin: the first offset that is kept.
        end: the offset after the last record.
        committed: the offset from which on records are not finished, less those the metadata names; None is none.
        stored: the metadata beside it.
    """

    place: Place
    begin: int
    end: int
    committed: int | None
    stored: StoredMetadata

    @property
    def lag(self) -> int | None:
        """Records from the committed offset on; None without one."""
        return None if self.committed is None else max(self.end - self.committed, 0)

    @property
    def finished(self) -> frozenset[int]:
        """Offsets above the committed one that are finished already, as far as the metadata can be read."""
        if self.committed is None or self.stored.metadata is None:
            return frozenset()
        return frozenset(self.committed + distance for distance in self.stored.metadata.done)


class PositionReader(Reader):
    """Reads and sets committed offsets. It has the group's name, and is no member. Made by `connect`."""

    def __init__(self, options: Mapping[str, Any], group: str) -> None:
        super().__init__({**options, "group_id": group})
        self._group = group

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> "AsyncIterator[PositionReader]":
        """A connected reader; Kafka's errors inside the block are told in one sentence.

        Raises:
            SetupError: Kafka cannot be reached, or refuses us.
        """
        reader = cls(client_options(settings.kafka), settings.kafka.group)
        with setup_errors(settings.kafka, f"reading the offsets of group {settings.kafka.group}"):
            await reader.start()
            try:
                yield reader
            finally:
                await reader.stop()

    async def positions(self, topics: Iterable[str]) -> list[Position]:
        """Every partition of these topics.

        Raises:
            SetupError: a topic does not exist.
            TimeoutError: the coordinator did not answer for 20 seconds.
        """
        places = [place for topic in topics for place in await self.existing(topic)]
        keys = [TopicPartition(*place) for place in places]
        committed = await _patiently(lambda: committed_offsets(self._consumer, self._group, keys))
        begins = await self._consumer.beginning_offsets(keys)
        ends = await self._consumer.end_offsets(keys)
        found = []
        for place, key in zip(places, keys, strict=True):
            stored = committed.get(key)
            offset, text = (None, None) if stored is None else (stored.offset, stored.metadata)
            found.append(Position(place, begins[key], ends[key], offset, read_metadata(text)))
        return found

    async def group(self) -> GroupState:
        """Who is in the group now.

        Raises:
            TimeoutError: the coordinator did not answer for 20 seconds.
        """
        return await _patiently(lambda: group_state(self._consumer, self._group))

    async def commit(self, offsets: Mapping[Place, tuple[int, str]]) -> None:
        """Sets committed offsets with their metadata, all or none.

        Raises:
            SetupError: somebody is in the group, and Kafka lets only members commit.
        """
        wanted = {TopicPartition(*place): OffsetAndMetadata(*values) for place, values in offsets.items()}
        try:
            # The public `commit` asks for an assignment, and would begin to fetch.
            await self._consumer._coordinator.commit_offsets(None, wanted)  # noqa: SLF001
        except CommitFailedError as exc:
            raise SetupError(f"a worker has joined group {self._group} meanwhile: nothing was changed") from exc


async def _patiently(ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """Asks again while the coordinator does not know yet: after a restart it loads its groups first."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            try:
                return await ask()
            except KafkaError as exc:
                if not exc.retriable:
                    raise
                await asyncio.sleep(_AGAIN_SECONDS)
