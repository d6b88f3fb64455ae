"""One partition: batches in the order of their offsets, in memory."""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from itertools import islice
from operator import attrgetter
from typing import NamedTuple

from streamproc.embedded.batch import Header, marker, records, stamped, with_offset
from streamproc.embedded.codes import Code
from streamproc.embedded.isolation import Aborted, Isolation
from streamproc.embedded.memory import Memory
from streamproc.embedded.sequences import Sequences, Written
from streamproc.embedded.topic_settings import TopicSettings

__all__ = ["Appended", "PartitionLog", "Slice"]

_base_offset = attrgetter("base_offset")


class Appended(NamedTuple):
    """What became of a batch; `timestamp` in milliseconds only where the broker's time counts, else -1."""

    code: Code
    base_offset: int = -1
    timestamp: int = -1


class Slice(NamedTuple):
    """Whole batches, one behind the other, and the aborted transactions a reader has to skip in them."""

    data: bytes
    aborted: list[Aborted]


class _Stored(NamedTuple):
    base_offset: int
    next_offset: int
    position: int  # bytes of all batches that ever came before it
    max_timestamp: int
    data: bytes


class PartitionLog:
    """A log that only grows at its end and is cut at its start.

    Attributes:
        settings: of its topic; may be replaced.
        start: first offset that is there.
        end: offset of the next record; as there are no replicas it is also the high watermark.
        size: bytes of all batches.
        is_closed: whether the topic was deleted.
    """

    def __init__(self, settings: TopicSettings, memory: Memory, now: Callable[[], float]) -> None:
        self.settings = settings
        self.start = self.end = self.size = 0
        self.is_closed = False
        self._memory = memory
        self._now = now
        self._batches: list[_Stored] = []
        self._position = 0
        self._sequences = Sequences()
        self._isolation = Isolation()
        self._watchers: set[asyncio.Event] = set()
        self._stable_watchers: set[asyncio.Event] = set()

    @property
    def stable(self) -> int:
        """Last stable offset: what a reader of committed records sees ends here."""
        return self._isolation.stable(self.end)

    def append(self, batch: bytes, header: Header) -> Appended:
        """Appends one valid batch, if its sequence comes next and there is room for it."""
        if header.is_idempotent:
            found = self._sequences.check(header)
            if isinstance(found, Written):
                return Appended(Code.NONE, found.base_offset, found.max_timestamp)
            if found:
                return Appended(found)
            if self._isolation.is_open(header.producer_id) and not header.is_transactional:
                return Appended(Code.INVALID_TXN_STATE)
        if not self._memory.make_room(len(batch)):
            return Appended(Code.KAFKA_STORAGE_ERROR)
        timestamp = -1
        if self.settings.is_append_time:
            timestamp = self._now_ms()
            batch = stamped(batch, timestamp)
        base_offset, stable = self.end, self.stable
        max_timestamp = timestamp if self.settings.is_append_time else header.max_timestamp
        self._store(with_offset(batch, base_offset), header.last_offset_delta + 1, max_timestamp)
        if header.is_idempotent:
            self._sequences.add(header, base_offset, max_timestamp)
        if header.is_transactional:
            self._isolation.begin(header.producer_id, base_offset)
        self._enforce_retention()
        self._wake(stable)
        return Appended(Code.NONE, base_offset, timestamp)

    def end_transaction(self, producer_id: int, epoch: int, *, commit: bool) -> None:
        """Appends the marker of a transaction, also when the producer has no records here."""
        stable = self.stable
        timestamp = self._now_ms()
        offset = self.end
        self._store(marker(offset, producer_id, epoch, timestamp, commit=commit), 1, timestamp)
        self._sequences.raise_epoch(producer_id, epoch)
        self._isolation.end(producer_id, offset, commit=commit)
        self._wake(stable)

    def visible_end(self, *, committed: bool) -> int:
        """Where reading ends at this isolation level."""
        return self.stable if committed else self.end

    def available(self, offset: int, *, committed: bool) -> int:
        """Bytes a reader would get from this offset on."""
        end = self.visible_end(committed=committed)
        if offset >= end:
            return 0
        stop = bisect_left(self._batches, end, key=_base_offset)
        to = self._batches[stop].position if stop < len(self._batches) else self._position
        return to - self._batches[self._holding(offset)].position

    def read(self, offset: int, *, committed: bool, max_bytes: int, at_least_one: bool) -> Slice:
        """Whole batches from the one that holds this offset on.

        Args:
            offset: between `start` and `end`.
            committed: stops at the last stable offset, and lists the aborted transactions.
            max_bytes: of all batches together.
            at_least_one: the first batch is given even if it is larger, so that a reader gets past it.
        """
        end = self.visible_end(committed=committed)
        if offset >= end:
            return Slice(b"", [])
        found: list[bytes] = []
        size, index, stop = 0, self._holding(offset), offset
        while index < len(self._batches) and (batch := self._batches[index]).base_offset < end:
            size += len(batch.data)
            if size > max_bytes and (found or not at_least_one):
                break
            found.append(batch.data)
            stop = batch.next_offset
            index += 1
        return Slice(b"".join(found), self._isolation.aborted(offset, stop) if committed else [])

    def find_time(self, timestamp: int) -> tuple[int, int] | None:
        """Timestamp and offset of the first record at or after a time in milliseconds, if there is one.

        Raises:
            aiokafka.errors.CorruptRecordException: as `batch.records`.
        """
        for batch in self._batches:
            if batch.max_timestamp >= timestamp:
                for record in records(batch.data):
                    if record.timestamp >= timestamp:
                        return record.timestamp, record.offset
        return None

    def watch(self, event: asyncio.Event, *, committed: bool) -> None:
        """Has the event set when there is more to read at this isolation level, or when the log closes."""
        (self._stable_watchers if committed else self._watchers).add(event)

    def unwatch(self, event: asyncio.Event) -> None:
        """Ends what `watch` began."""
        self._watchers.discard(event)
        self._stable_watchers.discard(event)

    def close(self) -> None:
        """Gives everything back; who waits for records is woken."""
        self.is_closed = True
        self._memory.used -= self.size
        self.size = 0
        self._batches.clear()
        for event in (*self._watchers, *self._stable_watchers):
            event.set()

    def trim(self, size: int) -> int:
        """Drops the oldest batches until the rest is no larger than this; gives the bytes freed.

        What an open transaction may still need stays, and so does the newest batch, whatever its size.
        """
        freed, dropped, stable = 0, 0, self.stable
        for batch in islice(self._batches, max(0, len(self._batches) - 1)):
            if self.size - freed <= size or batch.next_offset > stable:
                break
            freed += len(batch.data)
            dropped += 1
        if dropped:
            del self._batches[:dropped]
            self.start = self._batches[0].base_offset
            self._isolation.forget_before(self.start)
            self.size -= freed
            self._memory.used -= freed
        return freed

    def _enforce_retention(self) -> None:
        if 0 <= self.settings.retention_bytes < self.size:
            self.trim(self.settings.retention_bytes)

    def _store(self, batch: bytes, count: int, max_timestamp: int) -> None:
        self._batches.append(_Stored(self.end, self.end + count, self._position, max_timestamp, batch))
        self.end += count
        self._position += len(batch)
        self.size += len(batch)
        self._memory.used += len(batch)

    def _wake(self, stable_before: int) -> None:
        for event in self._watchers:
            event.set()
        if self.stable != stable_before:
            for event in self._stable_watchers:
                event.set()

    def _holding(self, offset: int) -> int:
        """Index of the batch that holds this offset, which is in the log."""
        return bisect_right(self._batches, offset, key=_base_offset) - 1

    def _now_ms(self) -> int:
        return int(self._now() * 1000)
