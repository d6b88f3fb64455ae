"""An assignment: one owned partition during one claim. Nothing of it outlives the claim.

It owns the partition's offsets, its running tasks, the finished runs that wait to be published, and its commits.
"""

import asyncio
from enum import Enum

from aiokafka import TopicPartition

from streamproc.chain.clock import Clock
from streamproc.chain.run import Terminal
from streamproc.kafka.committer import Committer
from streamproc.kafka.metadata import CommitMetadata
from streamproc.kafka.offsets import Offsets
from streamproc.observe.events import Committed, Observer
from streamproc.records.outgoing import Outgoing

__all__ = ["Assignment", "State", "pause_between_commits"]


class State(Enum):
    """CLAIMING: not ours for sure yet. READY: records are taken. ENDED: lost or drained; nothing starts any more."""

    CLAIMING = "claiming"
    READY = "ready"
    ENDED = "ended"


def pause_between_commits(last_seconds: float, partitions: int, shortest: float, longest: float) -> float:
    """Seconds between two commits of a partition.

    It grows with slow commits and with the partitions of this process: up to `longest` by 10 ms for each, so that at
    most a hundred commits a second take this process' time, and beyond by 2.5 ms for each, because a broker takes some
    hundreds a second from all together. A partition that paused for longer anyway commits at once.
    """
    return max(min(max(shortest, 2 * last_seconds, 0.01 * partitions), longest), 0.0025 * partitions)


class Assignment:
    """`finish` may be called in any order; commits happen in order."""

    def __init__(self, topic: str, partition: int, tenant: str | None) -> None:
        self.key = TopicPartition(topic, partition)
        self.tenant = tenant
        self.state = State.CLAIMING
        self.epoch = 0
        self.offsets = Offsets(0)
        self.running: set[asyncio.Task[None]] = set()
        self.is_paused = False
        self._committed = 0
        self._is_dirty = False  # something is finished that no commit says yet
        self._finished: list[tuple[int | None, tuple[Outgoing, ...]]] = []
        self._work = asyncio.Event()
        self._lock = asyncio.Lock()
        self.last_commit_seconds = 0.0

    def __repr__(self) -> str:
        return (
            f"Assignment({self.key.topic}/{self.key.partition}, {self.state.value}, epoch={self.epoch},"
            f" running={len(self.running)}, unpublished={len(self._finished)}, {self.offsets})"
        )

    def claimed(self, position: int, metadata: CommitMetadata) -> None:
        """The claim succeeded: records from `position` on are ours, less those that are done."""
        self.offsets = Offsets(position, (position + distance for distance in metadata.done))
        self._committed = position
        self.epoch = metadata.epoch
        self.state = State.READY

    @property
    def is_ready(self) -> bool:
        """Whether records are taken."""
        return self.state is State.READY

    @property
    def window(self) -> int:
        """Span from the committed offset to the next one: what a crash now would do again, at most."""
        return self.offsets.next - self._committed

    def finish(self, offset: int, terminal: Terminal) -> None:
        """A run is over; its records will be published, and then its offset is done."""
        self._finished.append((offset, terminal.records))
        self._work.set()

    def bill(self, records: tuple[Outgoing, ...]) -> None:
        """Usage lines of a run that was cut off here and will run again elsewhere: published without its offset."""
        if records:
            self._finished.append((None, records))
            self._work.set()

    async def commit_forever(
        self, committer: Committer, clock: Clock, observer: Observer, pause: tuple[float, float], partitions: list[int]
    ) -> None:
        """Commits until cancelled. `partitions` holds the current number of partitions of this process."""
        while True:
            await self._work.wait()
            self._work.clear()
            await self.commit_now(committer, clock, observer)
            await clock.sleep(pause_between_commits(self.last_commit_seconds, partitions[0], *pause))

    async def commit_now(self, committer: Committer, clock: Clock, observer: Observer) -> None:
        """Publishes what is finished, waits until it is stored, commits, and only then forgets."""
        async with self._lock:
            batch = list(self._finished)
            if batch:
                started = clock.monotonic()
                await committer.publish((record for _, records in batch for record in records), self.key.partition)
                for offset, _ in batch:
                    if offset is not None:
                        self.offsets.finish(offset)
                del self._finished[: len(batch)]
                self._is_dirty = True
            position = self.offsets.position
            if self.state is State.CLAIMING or not (self._is_dirty or position > self._committed):
                return
            done = frozenset(offset - position for offset in self.offsets.done)
            if await committer.commit(self.key, position, CommitMetadata(self.epoch, done).encode()):
                self._committed = position
                self._is_dirty = False
            elif self.state is State.READY:
                self._work.set()
            if batch:
                self.last_commit_seconds = clock.monotonic() - started
                runs = sum(offset is not None for offset, _ in batch)
                observer.saw(Committed(self.key.topic, self.key.partition, runs, self.last_commit_seconds))

    async def cancel_running(self) -> None:
        """Cancels the partition's runs and waits until each has let go of what it held."""
        tasks = list(self.running)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
