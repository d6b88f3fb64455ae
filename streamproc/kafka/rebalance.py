"""The rebalance: aiokafka's protocol is eager, so each one takes every partition away and gives some back.

What is given back goes on: its running calls run through, and the claim tells whether somebody else had it meanwhile.
Claims are tracked tasks outside the listener, because no heartbeats are sent while `on_partitions_assigned` runs;
a revoke cancels and awaits them.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from streamproc.chain.clock import Clock
from streamproc.errors import PublishFailed
from streamproc.kafka.assignment import Assignment, Claim, State
from streamproc.kafka.claim import claim
from streamproc.kafka.commit_rules import CommitRules
from streamproc.kafka.dispatch import Dispatch
from streamproc.kafka.failure import failure_of
from streamproc.kafka.journals import Journals
from streamproc.kafka.lost import bill_lost_calls
from streamproc.kafka.membership import Generation, Membership
from streamproc.kafka.namesake import Namesake
from streamproc.kafka.skew import seconds_behind
from streamproc.kafka.transactor import NewTransactor
from streamproc.observe.events import ClockBehind, Observer, PartitionChanged
from streamproc.settings.kafka import StartWithoutOffset

__all__ = ["Rebalance"]

_LAST_COMMIT_SECONDS = 5.0
_CLAIM_RETRY_SECONDS = 0.5
_QUIET_SECONDS = 5.0


class Rebalance(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    """Keeps `assignments` in step with what the group gives us."""

    def __init__(
        self,
        consumer: Any,
        membership: Membership,
        new_transactor: NewTransactor,
        dispatch: Dispatch,
        sources: Mapping[str, str | None],
        start: StartWithoutOffset,
        clock: Clock,
        observer: Observer,
        commits: CommitRules,
        changed: Callable[[], None],
        journals: Journals,
        new_owner: Callable[[], str],
        call_seconds: float,
    ) -> None:
        """`new_owner` names an assignment as nobody was named before; no call takes longer than `call_seconds`."""
        self._consumer = consumer
        self._membership = membership
        self._new_transactor = new_transactor
        self._dispatch = dispatch
        self._sources = sources
        self._start = start
        self._clock = clock
        self._observer = observer
        self._commits = commits
        self._changed = changed
        self._journals = journals
        self._new_owner = new_owner
        self._call_seconds = call_seconds
        self._tasks: dict[TopicPartition, asyncio.Task[None]] = {}
        self._endings: set[asyncio.Task[None]] = set()
        self._count = [0]
        self.assignments: dict[TopicPartition, Assignment] = {}
        self.failure: BaseException | None = None
        self.is_settled = self._is_closing = False
        self._joined: Generation | None = None
        self._namesake = Namesake(membership, clock, self._fail)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Aiokafka's callback before a rejoin: what is finished is committed, and running calls run on."""
        del revoked  # the protocol is eager: all of them
        self.is_settled = False
        await self._hold(list(self.assignments.values()), State.HELD)
        if self._joined is not None:
            await self._namesake.look(self._joined)

    def check_join(self) -> int:
        """The generation of the last assignment, -1 when there was none.

        It keeps a process that is about to end from joining once more: it would shut out whoever has its name now.

        Raises:
            KafkaError: it is; aiokafka gives up the join then.
        """
        if self.failure is not None:
            raise KafkaError("this process is about to end")
        return -1 if self._joined is None else self._joined.number

    def _fail(self, failure: BaseException) -> None:
        self.failure = failure
        self._changed()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Aiokafka's callback after a join: returns at once."""
        if self._is_closing:
            return
        keys = list(assigned)
        self.is_settled = True
        self._joined = self._membership.generation
        self._namesake.stop()
        # Deferred runs are few: their partitions hardly ever commit.
        self._count[0] = sum(key.topic in self._sources for key in keys)
        self._membership.watch_heartbeats()
        gone = [self.assignments.pop(key) for key in list(self.assignments) if key not in keys]
        if gone:
            ending = asyncio.create_task(self._end(gone), name="end-assignments")
            ending.add_done_callback(self._note_end)
            ending.add_done_callback(self._endings.discard)
            self._endings.add(ending)
        for key in keys:
            assignment = self.assignments[key] = self.assignments.get(key) or self._assignment(key)
            assignment.state = State.CLAIMING
            task = asyncio.create_task(self._own(assignment), name=f"own-{key.topic}-{key.partition}")
            task.add_done_callback(self._note_end)
            self._tasks[key] = task

    def _assignment(self, key: TopicPartition) -> Assignment:
        def may_call() -> bool:
            return made.is_ready and self._membership.has_lease

        made = Assignment(key, self._sources.get(key.topic), self._journals.open(key, self._new_owner(), may_call))
        return made

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if (failure := failure_of(task)) is not None:
            self._fail(failure)

    async def _own(self, assignment: Assignment) -> None:
        key = assignment.key
        broke_at = float("-inf")
        while True:
            await assignment.let_go()
            claimed = await self._claim(assignment)
            if assignment.epoch and not assignment.continues(claimed):
                # What this one left in the journal is for the new one to read, in a claim of its own.
                await claimed.transactor.stop()
                assignment = await self._replaced(assignment)
                continue
            assignment.claimed(claimed)
            # aiokafka began to fetch at the offset it read by itself; what came before READY was dropped.
            self._consumer.seek(key, assignment.offsets.next)
            self._observer.saw(PartitionChanged(key.topic, key.partition, "claimed"))
            if (behind := seconds_behind(assignment.epoch, self._clock.time())) is not None:
                self._observer.saw(ClockBehind(key.topic, key.partition, behind))
            self._dispatch.resume(assignment)
            self._changed()
            await self._commit_and_bill(assignment)
            if assignment.state is not State.CLAIMING:
                return  # whoever took it away commits what is finished, and lets go
            # The first claim after a break comes at once; what breaks again and again is not to be hammered at.
            if self._clock.monotonic() - broke_at < _QUIET_SECONDS:
                await self._clock.sleep(_CLAIM_RETRY_SECONDS)
            broke_at = self._clock.monotonic()

    async def _commit_and_bill(self, assignment: Assignment) -> None:
        billing = asyncio.create_task(
            bill_lost_calls(assignment, self._journals, self._call_seconds, self._clock, self._observer),
            name=f"lost-{assignment.key.topic}-{assignment.key.partition}",
        )
        billing.add_done_callback(self._note_end)
        try:
            await assignment.commit_forever(self._clock, self._observer, self._commits, self._count)
        finally:
            billing.cancel()
            await asyncio.wait([billing])

    async def _claim(self, assignment: Assignment) -> Claim:
        key = assignment.key
        while True:  # a SetupError ends this task and, through `failure`, the worker
            try:
                claimed = await claim(
                    assignment,
                    self._consumer,
                    self._membership,
                    self._new_transactor,
                    self._journals,
                    self._start,
                    self._clock,
                )
                if claimed is not None:
                    return claimed
            except (KafkaError, PublishFailed) as exc:
                # A broker is away, we lack a right, or the group has moved on; the last cancels this task.
                self._observer.saw(PartitionChanged(key.topic, key.partition, f"claim failed: {exc!r}"))
            await self._clock.sleep(_CLAIM_RETRY_SECONDS)

    async def _replaced(self, assignment: Assignment) -> Assignment:
        """Somebody else had the partition meanwhile: nothing of what we hold of it is ours any more."""
        await self._end([assignment])
        new = self.assignments[assignment.key] = self._assignment(assignment.key)
        return new

    async def close(self) -> None:
        """Ends every assignment, and takes no new one: cuts its calls, and publishes and commits what is finished."""
        self._is_closing = True
        self._namesake.stop()
        ending = list(self.assignments.values())
        await self._hold(ending, State.ENDED)
        await self._let_go(ending)
        self.assignments.clear()
        await asyncio.gather(*self._endings, return_exceptions=True)

    async def _hold(self, assignments: Sequence[Assignment], state: State) -> None:
        """Nothing starts any more, and what is finished is committed; when they end, running calls are cut before."""
        was_ready = [assignment for assignment in assignments if assignment.state is State.READY]
        for assignment in assignments:
            assignment.state = state
        if state is State.ENDED:
            await self._cut(assignments)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_COMMIT_SECONDS):
                ends = await asyncio.gather(
                    *(item.commit_now(self._clock, self._observer, self._commits.max_bytes) for item in was_ready),
                    return_exceptions=True,
                )
                self.failure = next((end for end in ends if isinstance(end, Exception)), self.failure)
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _end(self, assignments: Sequence[Assignment]) -> None:
        """Cuts the calls of assignments that are lost, and forgets the rest; the journal tells the next owner."""
        await self._cut(assignments)
        await self._let_go(assignments)

    async def _let_go(self, assignments: Sequence[Assignment]) -> None:
        # After `_cut`, which may take seconds when Kafka is away, and is not to be done twice.
        await asyncio.gather(*(assignment.let_go() for assignment in assignments))
        for assignment in assignments:
            self._observer.saw(PartitionChanged(assignment.key.topic, assignment.key.partition, "lost"))

    async def _cut(self, assignments: Sequence[Assignment]) -> None:
        for assignment in assignments:
            assignment.state = State.ENDED
            self._dispatch.discard(assignment)
        await asyncio.gather(*(assignment.cut() for assignment in assignments))
