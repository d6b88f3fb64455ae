"""A lane: the chunks or the notes of one partition on their way out, in order, one batch under way at a time.

What can wait leaves at ticks that the lanes of all partitions have in common, so that one request to Kafka takes all of
it: a request costs the worker, the broker and every reader as much for one record as for many.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Protocol

from streamproc.chain.clock import Clock
from streamproc.errors import PublishFailed
from streamproc.kafka.producer import Producer, pack
from streamproc.records.codec import rfc3339
from streamproc.records.outgoing import Headers

__all__ = ["Lane", "Writer", "last_tick"]

# Bytes of framing and headers that a queued chunk costs beside its value; only bounds memory, so roughly is enough.
_RECORD_OVERHEAD = 300
_RETRY_SECONDS = 0.5
_MOST_RECORDS = 2000

Queued = tuple[bytes, bytes, Headers, bytes]
"""Key, value, the headers that all records of the stream share, and the id of this one."""


class Writer(Protocol):
    """Somebody with an open stream on this lane."""

    def flush_text(self) -> None:
        """Puts text that waits for company into the lane."""
        ...

    def republish(self) -> None:
        """Starts the stream again under a higher attempt: records of it may be lost."""
        ...


class Lane:
    """Records are numbered 1, 2, 3 …; `acknowledged` is the number up to which all are stored or given up.

    Ticks are `tick_seconds` apart, by default `linger_seconds`, which is how long a record may wait for one.

    A lane that `repeats` gives nothing up: what was refused is sent again, and may be stored twice. `end` is an offset
    of the partition beyond which every later record will stand.
    """

    def __init__(
        self,
        producer: Producer,
        topic: str,
        partition: int,
        clock: Clock,
        on_bytes: Callable[[int], None],
        linger_seconds: float = 0.0,
        *,
        tick_seconds: float | None = None,
        repeats: bool = False,
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._partition = partition
        self._clock = clock
        self._on_bytes = on_bytes
        self._linger_seconds = linger_seconds
        self._tick_seconds = linger_seconds if tick_seconds is None else tick_seconds
        self._repeats = repeats
        self._queue: list[Queued] = []
        self._wake = asyncio.Event()
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._leaving = 0  # the number up to which records are on their way; those above wait
        self._tick: asyncio.TimerHandle | None = None
        self._late: dict[Writer, float] = {}
        self._late_timer: asyncio.TimerHandle | None = None
        self.writers: set[Writer] = set()
        self.appended = 0
        self.acknowledged = 0
        self.end = 0

    def __repr__(self) -> str:
        return f"Lane({self._topic}/{self._partition}, queued={len(self._queue)}, open={len(self.writers)})"

    def append(self, key: bytes, value: bytes, headers: Headers, ce_id: bytes, *, can_wait: bool = False) -> int:
        """Queues a record and gives its number; its headers are those given, its own id and its time of sending.

        One that `can_wait` leaves at the last tick in time, or before, with one that cannot, or when somebody waits for
        it.
        """
        self._queue.append((key, value, headers, ce_id))
        self.appended += 1
        self._on_bytes(len(value) + _RECORD_OVERHEAD)  # may call `leave`
        if not can_wait:
            self.leave()
        elif self._tick is None:
            self._tick = asyncio.get_running_loop().call_at(self._tick_within(self._linger_seconds), self._on_tick)
        return self.appended

    def leave(self) -> None:
        """Sends whatever waits."""
        self._leaving = self.appended
        self._wake.set()

    def _on_tick(self) -> None:
        self._tick = None
        self.leave()

    def flush_later(self, writer: Writer, seconds: float) -> None:
        """Has `writer.flush_text()` called within this time, which is the same for all writers of the lane."""
        self._late.pop(writer, None)
        self._late[writer] = self._tick_within(seconds)
        if self._late_timer is None:
            self._wait_for_late()

    def _wait_for_late(self) -> None:
        # They were put in as time passed: the first one is the earliest.
        at = next(iter(self._late.values()), None)
        self._late_timer = None if at is None else asyncio.get_running_loop().call_at(at, self._flush_late, at)

    def _flush_late(self, at: float) -> None:
        for writer in [writer for writer, due in self._late.items() if due <= at]:
            del self._late[writer]
            writer.flush_text()
        self._wait_for_late()
        self.leave()

    def _tick_within(self, seconds: float) -> float:
        return last_tick(asyncio.get_running_loop().time(), seconds, self._tick_seconds)

    async def acknowledgement(self, number: int) -> None:
        """Waits until every record up to `number` is stored or given up."""
        if number <= self.acknowledged:
            return
        if number > self._leaving:
            self.leave()
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((number, future))
        await future

    async def run(self) -> None:
        """Sends until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self.acknowledged < self._leaving:
                await self._send_one()

    async def _send_one(self) -> None:
        now = self._clock.time()
        # One time for all records of the batch: they leave together, and formatting it per token would cost.
        time_header = ("ce_time", rfc3339(now).encode())
        records = [
            (key, value, [*headers, ("ce_id", ce_id), time_header])
            for key, value, headers, ce_id in islice(self._queue, _MOST_RECORDS)
        ]
        taken = 0
        try:
            packed = pack(self._producer.new_batch, records, int(now * 1000))
            taken = packed.count
            self.end = max(self.end, await self._producer.send(packed, self._topic, self._partition))
        except PublishFailed:
            await self._clock.sleep(_RETRY_SECONDS)
            if self._repeats:
                return
            # What was stored is not known, and a later chunk must not follow a hole: give up everything queued and
            # let each open stream start again, visibly.
            self._drop(len(self._queue))
            for writer in list(self.writers):
                writer.republish()
            self._wake_waiting()
            return
        self._drop(taken)
        self._wake_waiting()

    def _drop(self, count: int) -> None:
        freed = count * _RECORD_OVERHEAD + sum([len(queued[1]) for queued in islice(self._queue, count)])
        del self._queue[:count]
        self.acknowledged += count
        self._on_bytes(-freed)

    def _wake_waiting(self) -> None:
        # Numbers only grow from writer to writer on a lane, but a republished stream may wait behind: look at all.
        still: deque[tuple[int, asyncio.Future[None]]] = deque()
        for number, future in self._waiting:
            if future.done():
                continue
            if number <= self.acknowledged:
                future.set_result(None)
            else:
                still.append((number, future))
        self._waiting = still

    def close(self) -> None:
        """Stops the timers; queued records stay unsent."""
        for timer in (self._tick, self._late_timer):
            if timer is not None:
                timer.cancel()
        self._tick = self._late_timer = None


def last_tick(now: float, seconds: float, apart: float) -> float:
    """The last common multiple of `apart` within these seconds from now on; their end where there is none."""
    at = (now + seconds) // apart * apart if apart else now
    return at if now < at <= now + seconds else now + seconds
