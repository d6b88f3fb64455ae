"""An assignment: one owned partition during one claim. Nothing of it outlives the claim.

It owns the partition's offsets, its running tasks, its journal, the finished runs that wait to be published, and its
commits. A broken transactor and a rebalance that gives the partition back only interrupt it: it is claimed once more,
and what runs in it runs on.
"""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from enum import Enum
from typing import NamedTuple

from aiokafka import TopicPartition

from streamproc.chain.clock import Clock
from streamproc.chain.run import Run, Terminal
from streamproc.errors import PublishFailed
from streamproc.kafka.commit_rules import CommitRules
from streamproc.kafka.inherited import Inherited
from streamproc.kafka.journal import PartitionJournal
from streamproc.kafka.metadata import MAX_CHARACTERS, CommitMetadata
from streamproc.kafka.offsets import Offsets
from streamproc.kafka.transactor import Transactor
from streamproc.kafka.unpublished import Portion, Unpublished
from streamproc.observe.events import Committed, Observer, PublishBroke
from streamproc.records.outgoing import Outgoing

__all__ = ["Assignment", "Claim", "State"]

_LAST_NOTES_SECONDS = 5.0
_MOST_MAP_CHARACTERS = MAX_CHARACTERS * 3 // 4


class State(Enum):
    """Whether a partition is ours.

    CLAIMING: not for sure, or not any more. READY: records are taken. HELD: the group is being sorted; nothing starts,
    and what runs goes on. ENDED: lost; what runs is cut.
    """

    CLAIMING = "claiming"
    READY = "ready"
    HELD = "held"
    ENDED = "ended"


class Claim(NamedTuple):
    """What a claim found and made: where the partition stood, and the producer that alone may move it from now on.

    `former_owner` made the claim before, "" when nobody did. `inherited` is what it left in the journal up to
    `inherited_to`; nothing when it was the same.
    """

    transactor: Transactor
    position: int
    metadata: CommitMetadata
    former_owner: str
    inherited: Inherited
    inherited_to: int


class Assignment:
    """`finish` may be called in any order; commits happen in order."""

    def __init__(self, key: TopicPartition, tenant: str | None, journal: PartitionJournal) -> None:
        self.key = key
        self.tenant = tenant
        self.journal = journal
        self.inherited = Inherited(0, ())
        self.inherited_to = 0
        self.state = State.CLAIMING
        self.epoch = 0
        self.offsets = Offsets(0)
        self.running: set[asyncio.Task[None]] = set()
        self.parked: list[Run] = []  # runs whose turn came while the partition was claimed again
        self._transactor: Transactor | None = None
        self._is_broken = self.is_paused = False
        self._committed = 0
        self._map_characters = 0  # length of the last metadata
        self._is_dirty = False  # something is finished that no commit says yet
        self._unpublished = Unpublished()
        self.lost = self._unpublished.lost
        self._work = asyncio.Event()
        self._lock = asyncio.Lock()
        self.last_commit_seconds = 0.0

    def __repr__(self) -> str:
        return (
            f"Assignment({self.key.topic}/{self.key.partition}, {self.state.value}, epoch={self.epoch},"
            f" running={len(self.running)}, unpublished={self._unpublished.runs}, {self.offsets})"
        )

    def claimed(self, claim: Claim) -> None:
        """Records are ours from the claim's position on, less those that are done.

        Where the claim before was this assignment's own, its runs go on, and of what is finished the claim tells what
        a broken transaction did store after all.
        """
        position, done = claim.position, claim.metadata.done
        if self.continues(claim):
            self._forget(self._unpublished.drop(lambda at: at < position or at - position in done), position)
            self._is_dirty = True
            self._work.set()
        else:
            self.offsets = Offsets(position, (position + distance for distance in done))
            self.inherited, self.inherited_to = claim.inherited, claim.inherited_to
            self.journal.begin_at(claim.inherited_to)
        self._committed = position
        self.epoch = claim.metadata.epoch
        self._transactor, self._is_broken = claim.transactor, False
        self.lost.clear()  # whether they were stored is looked up once more
        self.is_paused = False
        self.state = State.READY

    def continues(self, claim: Claim) -> bool:
        """Whether nobody else claimed the partition since this assignment did."""
        return bool(self.epoch) and claim.former_owner == self.owner

    @property
    def owner(self) -> str:
        """Tells this assignment from all others, in the journal and beside the committed offset."""
        return self.journal.owner

    async def let_go(self) -> None:
        """Stops the transactor, if there is one; one that was cancelled in it is called again at the end."""
        if self._transactor is not None:
            await self._transactor.stop()
            self._transactor = None

    @property
    def is_ready(self) -> bool:
        """Whether records are taken."""
        return self.state is State.READY

    def has_room(self, max_window: int) -> bool:
        """Whether more records may be taken: the window's span, and the map of what is finished in it, have bounds.

        A map beyond the bound of the metadata could not be stored, and what it says would be done again.
        """
        return self.window < max_window and self._map_characters <= _MOST_MAP_CHARACTERS

    @property
    def window(self) -> int:
        """Span from the committed offset to the next one: what a crash now would do again, at most."""
        return self.offsets.next - self._committed

    def finish(self, offset: int, terminal: Terminal) -> None:
        """A run is over; its records will be published, and then its offset is done."""
        self._unpublished.add(offset, terminal.records)
        self._work.set()

    def bill(self, records: tuple[Outgoing, ...]) -> None:
        """Usage lines of a run that was cut off here and will run again elsewhere: published without its offset."""
        if records:
            self._unpublished.add(None, records)
            self._work.set()

    def bill_lost(self, usage_id: str, record: Outgoing) -> None:
        """The usage line of a former owner's call; once it is published the call is resolved."""
        self.lost[usage_id] = record
        self._work.set()

    async def commit_forever(self, clock: Clock, observer: Observer, rules: CommitRules, partitions: list[int]) -> None:
        """Commits until the transactor breaks. `partitions` holds the current number of partitions of this process."""
        while self.state is State.READY:
            await self._work.wait()
            self._work.clear()
            await self.journal.answers_stored()
            await self.commit_now(clock, observer, rules.max_bytes)
            await clock.sleep(rules.pause_seconds(self.last_commit_seconds, partitions[0]))

    async def commit_now(self, clock: Clock, observer: Observer, max_bytes: int) -> None:
        """Stores what is finished and the offset, in transactions of so many bytes, and only then forgets.

        When one fails the assignment has to be claimed again, whatever the transaction did or did not do.
        """
        async with self._lock:
            waiting = self._unpublished.size
            # What comes meanwhile has a commit of its own.
            while 0 < (stored := await self._commit_some(clock, observer, max_bytes)) < waiting:
                waiting -= stored

    async def _commit_some(self, clock: Clock, observer: Observer, max_bytes: int) -> int:
        """One transaction; gives how many runs and lost calls are behind it, 0 when there is none."""
        portion = self._unpublished.portion(self.journal.is_stored, max_bytes)
        metadata = self._metadata(portion)
        if len(metadata) > MAX_CHARACTERS:
            # The head may be among the others, and then the map is short.
            portion = self._unpublished.portion(self.journal.is_stored)
            metadata = self._metadata(portion)
        position = self.offsets.position
        is_new = portion.size or self._is_dirty or position > self._committed
        if self._transactor is None or self._is_broken or not is_new:
            return 0
        self._map_characters = len(metadata)
        if len(metadata) > MAX_CHARACTERS:
            return 0  # what is finished waits until the head is: a map left out would have it done again
        started = clock.monotonic()
        self._is_broken = True  # and stays so when this task is cancelled in the middle
        try:
            await self._transactor.commit(portion.records, position, metadata)
        except PublishFailed as exc:
            observer.saw(PublishBroke(self.key.topic, str(exc)))
            if self.state is State.READY:
                self.state = State.CLAIMING
            return 0
        self._is_broken = False
        self._unpublished.forget(portion)
        self._committed = position
        self._is_dirty = False
        self._forget(portion.offsets, position)
        self.inherited.resolve(portion.lost)
        if portion.runs:
            self.last_commit_seconds = clock.monotonic() - started
            observer.saw(Committed(self.key.topic, self.key.partition, len(portion.offsets), self.last_commit_seconds))
        return portion.size

    def _metadata(self, portion: Portion) -> str:
        """What stands beside the offset once the portion is stored."""
        for offset in portion.offsets:
            self.offsets.finish(offset)
        position = self.offsets.position
        done = frozenset(offset - position for offset in self.offsets.done)
        read_from = self._journal_position(portion.offsets, portion.lost)
        return CommitMetadata(self.epoch, done, self.owner, read_from).encode()

    def _forget(self, published: Collection[int], position: int) -> None:
        self.journal.finish(published)
        self.inherited.finish(published, position)

    def _journal_position(self, finished: Collection[int], billed: Collection[str]) -> int:
        own = self.journal.position(finished)
        inherited = self.inherited.position(finished, billed)
        return own if inherited is None else min(own, inherited)

    async def cut(self) -> None:
        """Cancels the partition's runs, waits until each has let go, and until their last notes are stored."""
        await self.cancel_running()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_NOTES_SECONDS):
                await self.journal.flush()

    async def cancel_running(self) -> None:
        """Cancels the partition's runs and waits until each has let go of what it held."""
        tasks = list(self.running)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
