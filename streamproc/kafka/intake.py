"""The intake: one round of polling. Which partitions have room, what came for them, and where it goes.

Back-pressure is per partition: one at its window's cap is paused and its records stay in Kafka, while the others go
on. Offsets never travel into the chain: whoever finishes a run tells its assignment.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, InconsistentGroupProtocolError, KafkaError

from streamproc.chain.clock import Clock
from streamproc.chain.run import Run
from streamproc.kafka.assignment import Assignment, State
from streamproc.kafka.deferring import Bounds
from streamproc.kafka.dispatch import Dispatch
from streamproc.kafka.incoming import incoming_of
from streamproc.kafka.salvage import salvage
from streamproc.kafka.work import Work
from streamproc.observe.events import Observer, PartitionChanged

__all__ = ["Intake"]

_POLL_MS = 200
_RECORDS_PER_POLL = 100
_IDLE_POLL_SECONDS = 5.0


class Intake:
    """Takes records for the partitions that are READY, as far as there is room for them.

    `deferred` is the topic of deferred runs, `ordered` are those whose runs have an order by their keys.
    """

    def __init__(
        self,
        consumer: Any,
        assignments: Mapping[TopicPartition, Assignment],
        dispatch: Dispatch,
        work: Work,
        room: asyncio.Event,
        bounds: Bounds,
        deferred: str,
        ordered: Collection[str],
        clock: Clock,
        observer: Observer,
    ) -> None:
        self._consumer = consumer
        self._assignments = assignments
        self._dispatch = dispatch
        self._work = work
        self._room = room
        self._bounds = bounds
        self._deferred = deferred
        self._ordered = ordered
        self._clock = clock
        self._observer = observer
        self._last_idle_poll = clock.monotonic()

    async def round(self) -> None:
        """Polls once, or waits a moment for room."""
        ready = self._with_room()
        if ready:
            await self._poll(ready)
        else:
            await self._wait_for_room()

    def _with_room(self) -> list[Assignment]:
        # The bytes of all queued requests have one cap, so that when it is reached no partition has room.
        queued = self._dispatch.queues.queued_bytes
        if not self._bounds.has_bytes_left(queued, is_deferred=False):
            return []
        has_bytes_for_deferred = self._bounds.has_bytes_left(queued, is_deferred=True)
        ready = []
        for assignment in self._assignments.values():
            if assignment.state is not State.READY:
                continue
            has_room = assignment.has_room(self._bounds.max_window)
            if assignment.key.topic == self._deferred:
                has_room = has_room and has_bytes_for_deferred
            if assignment.is_paused is has_room:
                assignment.is_paused = not has_room
                self._observer.saw(
                    PartitionChanged(
                        assignment.key.topic, assignment.key.partition, "resumed" if has_room else "paused"
                    )
                )
                # A pause only keeps aiokafka from fetching; the batch it holds is kept as long as nobody polls for it.
                with suppress(IllegalStateError):
                    (self._consumer.resume if has_room else self._consumer.pause)(assignment.key)
            if has_room:
                ready.append(assignment)
        return ready

    async def _poll(self, ready: Sequence[Assignment]) -> None:
        try:
            found = await self._read(ready)
        except (IllegalStateError, KafkaError) as exc:
            _let_pass(exc)
            # The partitions moved while we asked, or a broker is away: the next round sees the new state. A poll that
            # fails at one partition may already have taken records of others out of aiokafka's hands: read them again.
            self._rewind(ready)
            await self._clock.sleep(_POLL_MS / 1000)
            return
        for key, records in found.items():
            assignment = self._assignments.get(key)
            if assignment is not None and assignment.state is State.READY:
                self._take(assignment, records)
        self._dispatch.start_ready()

    async def _read(self, ready: Sequence[Assignment]) -> dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]]:
        keys = [assignment.key for assignment in ready]
        try:
            found: dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]] = await self._consumer.getmany(
                *keys, timeout_ms=_POLL_MS, max_records=_RECORDS_PER_POLL
            )
        except UnicodeDecodeError:
            self._rewind(ready)
            found = await salvage(self._consumer, {item.key: item.offsets.next for item in ready}, _RECORDS_PER_POLL)
            for key, records in found.items():
                if records:
                    self._consumer.seek(key, records[-1].offset + 1)
        return found

    def _rewind(self, ready: Sequence[Assignment]) -> None:
        for assignment in ready:
            if assignment.state is State.READY:
                with suppress(IllegalStateError):
                    self._consumer.seek(assignment.key, assignment.offsets.next)

    def _take(self, assignment: Assignment, records: Iterable[ConsumerRecord[bytes, bytes]]) -> None:
        for record in records:
            if not assignment.offsets.track(record.offset):
                continue
            topic = assignment.key.topic
            accepted = self._work.accept(
                incoming_of(
                    record,
                    assignment,
                    is_deferred=topic == self._deferred,
                    is_ordered=topic in self._ordered,
                )
            )
            if isinstance(accepted, Run):
                self._dispatch.put(accepted, assignment)
            else:
                assignment.finish(record.offset, accepted)

    async def _wait_for_room(self) -> None:
        self._room.clear()
        with suppress(TimeoutError):
            # asyncio.timeout, not a cancelled getmany: that one would lose records.
            async with asyncio.timeout(_POLL_MS / 1000):
                await self._room.wait()
        now = self._clock.monotonic()
        if now - self._last_idle_poll > _IDLE_POLL_SECONDS:
            # aiokafka throws a member out whose application does not poll; this poll finds everything paused.
            self._last_idle_poll = now
            try:
                await self._poll_paused()
            except (IllegalStateError, KafkaError) as exc:
                _let_pass(exc)

    async def _poll_paused(self) -> None:
        paused = [key for key in self._consumer.assignment() if key not in self._consumer.paused()]
        self._consumer.pause(*paused)
        try:
            await self._consumer.getmany(timeout_ms=0)
        finally:
            self._consumer.resume(*paused)


def _let_pass(error: Exception) -> None:
    # The others go by with time; this one says that the group will not have us.
    if isinstance(error, InconsistentGroupProtocolError):
        raise error
