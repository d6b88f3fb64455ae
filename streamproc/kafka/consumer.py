"""The consumer: a poll loop that never stops, and the partitions that come and go under it.

Back-pressure is per partition: one at its window's cap is paused and its records stay in Kafka, while the others go
on. Offsets never travel into the chain: whoever finishes a run tells its assignment.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import IllegalStateError, KafkaError

from streamproc.chain.clock import Clock
from streamproc.chain.run import Incoming, Run
from streamproc.kafka.assignment import Assignment, State
from streamproc.kafka.committer import Committer
from streamproc.kafka.dispatch import Dispatch, Work
from streamproc.kafka.producer import Producer
from streamproc.kafka.rebalance import Rebalance
from streamproc.observe.events import Observer, PartitionChanged
from streamproc.records.identity import RunId
from streamproc.records.outgoing import OutputTopic

__all__ = ["Bounds", "Consumer"]

_POLL_MS = 200
_RECORDS_PER_POLL = 100
_IDLE_POLL_SECONDS = 5.0


class Bounds(NamedTuple):
    """How much one process takes at a time."""

    max_running: int
    max_window: int
    max_queued_bytes: int
    commit_pause: tuple[float, float]


def _own_sticky_assignor() -> type[Any]:
    # aiokafka's sticky assignor remembers the former assignment in its class: consumers of one process would share it.
    return type("OwnStickyAssignor", (StickyPartitionAssignor,), {})


class Consumer:
    """One member of the group. `run` polls until `drain`."""

    def __init__(
        self,
        options: Mapping[str, Any],
        sources: Mapping[str, str | None],
        work: Work,
        outputs: Producer,
        topics: Mapping[OutputTopic, str],
        bounds: Bounds,
        failure: Callable[[], BaseException | None],
        clock: Clock,
        observer: Observer,
    ) -> None:
        self._sources = sources
        self._work = work
        self._bounds = bounds
        self._failure = failure
        self._clock = clock
        self._observer = observer
        self._outputs = outputs
        self._consumer: Any = AIOKafkaConsumer(
            **options,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            partition_assignment_strategy=(_own_sticky_assignor(),),
            max_poll_interval_ms=300_000,
            max_partition_fetch_bytes=256 * 1024,
            fetch_max_bytes=8 * 2**20,
            # A partition that is not part of the fetch under way waits for its end, so keep it short.
            fetch_max_wait_ms=100,
            check_crcs=True,
        )
        self._room = asyncio.Event()
        self.dispatch = Dispatch(work, clock, bounds.max_running, self._room.set)
        committer = Committer(outputs, self._consumer.commit, topics, clock, observer)
        self._rebalance = Rebalance(
            self._consumer, committer, self.dispatch, sources, clock, observer, bounds.commit_pause, self._room.set
        )
        self._stopping = False
        self._cut_at = 0.0
        self._last_idle_poll = self.last_poll = clock.monotonic()

    def __repr__(self) -> str:
        return f"Consumer({self.assignments}, {self.dispatch})"

    @property
    def assignments(self) -> Sequence[Assignment]:
        """The partitions this process owns, in whatever state."""
        return tuple(self._rebalance.assignments.values())

    async def start(self) -> None:
        """Joins the group.

        Raises:
            KafkaError: no broker answers, or it refuses us.
        """
        await self._outputs.start()
        self._consumer.subscribe(list(self._sources), listener=self._rebalance)
        await self._consumer.start()

    async def run(self) -> None:
        """Polls until drained.

        Raises:
            SetupError: a committed offset's metadata is not ours.
            Exception: a task of ours died of a defect; `failure` tells of those that are not the consumer's own.
        """
        while not self._stopping:
            self.last_poll = self._clock.monotonic()
            failure = self._rebalance.failure or self._failure()
            if failure is not None:
                raise failure
            self.dispatch.sweep()
            ready = self._with_room()
            if ready:
                await self._poll(ready)
            else:
                await self._wait_for_room()

    def _with_room(self) -> list[Assignment]:
        # The bytes of all queued requests have one cap, so that when it is reached no partition has room.
        if self.dispatch.queues.queued_bytes >= self._bounds.max_queued_bytes:
            return []
        ready = []
        for assignment in self._rebalance.assignments.values():
            if assignment.state is not State.READY:
                continue
            has_room = assignment.window < self._bounds.max_window
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
            found: dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]] = await self._consumer.getmany(
                *(assignment.key for assignment in ready), timeout_ms=_POLL_MS, max_records=_RECORDS_PER_POLL
            )
        except (IllegalStateError, KafkaError):
            # The partitions moved while we asked, or a broker is away: the next round sees the new state.
            await self._clock.sleep(_POLL_MS / 1000)
            return
        for key, records in found.items():
            assignment = self._rebalance.assignments.get(key)
            if assignment is not None and assignment.state is State.READY:
                self._take(assignment, records)
        self.dispatch.start_ready()

    def _take(self, assignment: Assignment, records: Iterable[ConsumerRecord[bytes, bytes]]) -> None:
        for record in records:
            if not assignment.offsets.track(record.offset):
                continue
            incoming = Incoming(
                id=RunId(record.topic, record.partition, record.offset, record.timestamp),
                key=record.key,
                value=record.value,
                headers=tuple(record.headers),
                epoch=assignment.epoch,
                tenant=assignment.tenant,
            )
            accepted = self._work.accept(incoming)
            if isinstance(accepted, Run):
                self.dispatch.put(accepted, assignment)
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
            with suppress(IllegalStateError, KafkaError):
                paused = [key for key in self._consumer.assignment() if key not in self._consumer.paused()]
                self._consumer.pause(*paused)
                await self._consumer.getmany(timeout_ms=0)
                self._consumer.resume(*paused)

    def lag(self, key: TopicPartition) -> int | None:
        """Records of the partition that are not finished, or None when the end is not known yet."""
        assignment = self._rebalance.assignments.get(key)
        if assignment is None or assignment.state is not State.READY:
            return None
        with suppress(IllegalStateError):
            end: int | None = self._consumer.highwater(key)
            if end is not None:
                return max(end - assignment.offsets.position, 0)
        return None

    async def drain(self, seconds: float) -> int:
        """Takes nothing new, lets running calls end for `seconds`, commits, leaves; says how many calls were cut."""
        self._stopping = True
        self.dispatch.stop()
        self._cut_at = self._clock.monotonic() + seconds
        while self.dispatch.running and self._clock.monotonic() < self._cut_at:
            await self._clock.sleep(0.02)
        cut = self.dispatch.running
        await self.close()
        return cut

    async def close(self) -> None:
        """Cuts what runs, commits what is finished, leaves the group. Twice does no harm."""
        self._stopping = True
        self.dispatch.stop()
        await self._rebalance.end()
        await self._consumer.stop()
        await self._outputs.stop()

    def cut(self) -> None:
        """Waits no longer for running calls."""
        self._cut_at = 0.0

    @property
    def is_member(self) -> bool:
        """Whether the group has given us our partitions, be they none."""
        return self._rebalance.is_settled
