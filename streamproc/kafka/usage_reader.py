"""Reads the usage topic from offsets that its reader keeps elsewhere: all partitions, without a group."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from streamproc.errors import StreamprocError
from streamproc.kafka.connection import client_options, setup_errors
from streamproc.kafka.fetch import Fetched, Records, fetch, records_of
from streamproc.kafka.reader import Place, Reader, Record
from streamproc.kafka.salvage import salvaged
from streamproc.settings.settings import Settings

__all__ = ["OffsetGone", "Slice", "UsageReader"]

_AT_ONCE = 8  # partitions asked at a time, with up to 1 MiB of records each
_AGAIN_SECONDS = 0.2
_PATIENCE_SECONDS = 60.0  # longer than Kafka lets a dead worker's transaction stand open


class OffsetGone(StreamprocError):
    """A partition has no such offset any more, or not yet."""


class Slice(NamedTuple):
    """Records of a partition, in their order.

    Attributes:
        next: the offset to go on from; it passes over aborted records and marks of transactions.
        end: the offset after the partition's last record, those of open transactions included; None while its leader
            is away.
    """

    place: Place
    records: list[Record]
    next: int
    end: int | None


class UsageReader(Reader):
    """A reader whose offsets come with each question, so that they cannot differ from those that are kept."""

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> "AsyncIterator[UsageReader]":
        """A connected reader; Kafka's errors inside the block are told in one sentence.

        Raises:
            SetupError: Kafka cannot be reached, or refuses us.
        """
        reader = cls(client_options(settings.kafka))
        with setup_errors(settings.kafka, f"reading {settings.topics.usage}"):
            await reader.start()
            try:
                yield reader
            finally:
                await reader.stop()

    async def slices(self, offsets: Mapping[Place, int]) -> AsyncIterator[list[Slice]]:
        """What stands at these offsets now, some partitions at a time; a partition may have no records there.

        Raises:
            OffsetGone: an offset is before a partition's first record or behind its end.
            KafkaError: Kafka refuses us, or what it sent is damaged.
        """
        wanted = list(offsets.items())
        for start in range(0, len(wanted), _AT_ONCE):
            few = wanted[start : start + _AT_ONCE]
            # All are waited for, also beside one that fails: none is left behind that nobody hears of.
            found = await asyncio.gather(*(self._slice(*one) for one in few), return_exceptions=True)
            for one in found:
                if isinstance(one, BaseException):
                    raise one
            yield [one for one in found if isinstance(one, Slice)]

    async def between(self, spans: Mapping[Place, tuple[int, int]]) -> AsyncIterator[list[Record]]:
        """The records of these spans of offsets, up to and without the second one, some thousands at a time.

        Raises:
            OffsetGone: a span begins before a partition's first record.
            TimeoutError: nothing came for a minute, though there is more.
            KafkaError: Kafka refuses us, or what it sent is damaged.
        """
        left = {place: begin for place, (begin, end) in spans.items() if begin < end}
        moved = time.monotonic()
        while left:
            before = dict(left)
            async for slices in self.slices(before):
                yield [one for found in slices for one in found.records if one.offset < spans[found.place][1]]
                left |= {found.place: found.next for found in slices}
            left = {place: offset for place, offset in left.items() if offset < spans[place][1]}
            if left != before:
                moved = time.monotonic()
            elif time.monotonic() - moved > _PATIENCE_SECONDS:
                raise TimeoutError
            else:
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _slice(self, place: Place, offset: int) -> Slice:
        key = TopicPartition(*place)
        client = self._consumer._client  # noqa: SLF001 see `fetch`
        try:
            if client.cluster.leader_for_partition(key) in (None, -1):
                await client.force_metadata_update()
                return Slice(place, [], offset, None)
            # No waiting at the broker: an answer that is held back holds back those of the other partitions.
            fetched = await fetch(client, key, offset, 0)
        except OffsetOutOfRangeError as exc:
            raise OffsetGone(f"{place.topic} partition {place.partition} has no offset {offset}") from exc
        except KafkaError as exc:
            if not exc.retriable:
                raise
            return Slice(place, [], offset, None)
        found = _records(fetched)
        records = [
            Record(place, one.offset, one.timestamp, one.key, one.value, tuple(one.headers)) for one in found.records
        ]
        return Slice(place, records, found.next, fetched.end)


def _records(fetched: Fetched) -> Records:
    try:
        return records_of(fetched)
    except UnicodeDecodeError:
        return salvaged(fetched)
