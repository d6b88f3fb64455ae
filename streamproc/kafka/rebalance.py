"""The rebalance: aiokafka's protocol is eager, so each one takes every partition away and gives some back.

Claims are tracked tasks outside the listener, because no heartbeats are sent while `on_partitions_assigned` runs;
a revoke cancels and awaits them before anything else.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from streamproc.chain.clock import Clock
from streamproc.errors import PublishFailed, SetupError
from streamproc.kafka.assignment import Assignment, Claim, State
from streamproc.kafka.claim import claim
from streamproc.kafka.dispatch import Dispatch
from streamproc.kafka.membership import Generation, Membership
from streamproc.kafka.transactor import NewTransactor
from streamproc.observe.events import Observer, PartitionChanged
from streamproc.settings import StartWithoutOffset

__all__ = ["Rebalance"]

_LAST_COMMIT_SECONDS = 5.0
_CLAIM_RETRY_SECONDS = 0.5
_QUIET_SECONDS = 5.0
_NAMESAKE_SECONDS = 1.0


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
        commit_pause: tuple[float, float],
        changed: Callable[[], None],
    ) -> None:
        self._consumer = consumer
        self._membership = membership
        self._new_transactor = new_transactor
        self._dispatch = dispatch
        self._sources = sources
        self._start = start
        self._clock = clock
        self._observer = observer
        self._commit_pause = commit_pause
        self._changed = changed
        self._tasks: dict[TopicPartition, asyncio.Task[None]] = {}
        self._count = [0]
        self.assignments: dict[TopicPartition, Assignment] = {}
        self.failure: BaseException | None = None
        self.is_settled = False
        self._is_closing = False
        self._joined: Generation | None = None
        self._looking: asyncio.Task[None] | None = None

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Aiokafka's callback before a rejoin: the calls of these partitions end here, and their runs start anew."""
        del revoked  # the protocol is eager: all of them
        self.is_settled = False
        await self.end()
        if self._joined is not None and self._membership.instance_id is not None:
            await self._look_for_namesake(self._joined)
            self._looking = asyncio.create_task(self._keep_looking(self._joined), name="namesake")

    def check_join(self) -> None:
        """Keeps a process that is about to end from joining once more: it would shut out whoever has its name now.

        Raises:
            KafkaError: it is; aiokafka gives up the join then.
        """
        if self.failure is not None:
            raise KafkaError("this process is about to end")

    async def _look_for_namesake(self, joined: Generation) -> None:
        with suppress(KafkaError):
            if await self._membership.is_replaced(joined):
                self.failure = SetupError(
                    f"another process has joined group {self._membership.group} as kafka.instance_id"
                    f" {self._membership.instance_id}, and has taken this one's place: give each process its own"
                )
                self._changed()

    async def _keep_looking(self, joined: Generation) -> None:
        # Taken while it waits in a join, the name is refused in words that aiokafka does not know.
        while self.failure is None:
            await self._clock.sleep(_NAMESAKE_SECONDS)
            await self._look_for_namesake(joined)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Aiokafka's callback after a join: returns at once."""
        if self._is_closing:
            return
        keys = list(assigned)
        self.is_settled = True
        self._joined = self._membership.generation
        if self._looking is not None:
            self._looking.cancel()
        self._count[0] = len(keys)
        for key in keys:
            assignment = Assignment(key.topic, key.partition, self._sources[key.topic])
            self.assignments[key] = assignment
            task = asyncio.create_task(self._own(assignment), name=f"own-{key.topic}-{key.partition}")
            task.add_done_callback(self._note_end)
            self._tasks[key] = task

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self.failure = task.exception()
            self._changed()

    async def _own(self, assignment: Assignment) -> None:
        key = assignment.key
        broke_at = float("-inf")
        while True:
            claimed = await self._claim(key)
            if assignment.epoch and not assignment.is_own(claimed):
                assignment = await self._replaced(assignment)
            assignment.claimed(claimed)
            # aiokafka began to fetch at the offset it read by itself; what came before READY was dropped.
            self._consumer.seek(key, assignment.offsets.next)
            self._observer.saw(PartitionChanged(key.topic, key.partition, "claimed"))
            self._dispatch.resume(assignment)
            self._changed()
            await assignment.commit_forever(self._clock, self._observer, self._commit_pause, self._count)
            if assignment.state is State.ENDED:
                return  # whoever ended it commits what is finished, and lets go
            await assignment.let_go()
            # The first claim after a break comes at once; what breaks again and again is not to be hammered at.
            if self._clock.monotonic() - broke_at < _QUIET_SECONDS:
                await self._clock.sleep(_CLAIM_RETRY_SECONDS)
            broke_at = self._clock.monotonic()

    async def _claim(self, key: TopicPartition) -> Claim:
        while True:  # a SetupError ends this task and, through `failure`, the worker
            try:
                claimed = await claim(
                    key, self._consumer, self._membership, self._new_transactor, self._start, self._clock
                )
                if claimed is not None:
                    return claimed
            except (KafkaError, PublishFailed) as exc:
                # A broker is away, we lack a right, or the group has moved on; the last cancels this task.
                self._observer.saw(PartitionChanged(key.topic, key.partition, f"claim failed: {exc!r}"))
            await self._clock.sleep(_CLAIM_RETRY_SECONDS)

    async def _replaced(self, assignment: Assignment) -> Assignment:
        """Somebody else had the partition meanwhile: nothing of what we hold of it is ours any more."""
        assignment.state = State.ENDED
        self._dispatch.discard(assignment)
        await assignment.cancel_running()
        new = self.assignments[assignment.key] = Assignment(
            assignment.key.topic, assignment.key.partition, assignment.tenant
        )
        return new

    async def close(self) -> None:
        """Ends every assignment, and takes no new one."""
        self._is_closing = True
        if self._looking is not None:
            self._looking.cancel()
        await self.end()

    async def end(self) -> None:
        """Ends every assignment: cuts its calls, publishes and commits what is finished, forgets the rest."""
        ending = list(self.assignments.values())
        was_ready = [assignment for assignment in ending if assignment.state is State.READY]
        for assignment in ending:
            assignment.state = State.ENDED
            self._dispatch.discard(assignment)
        await asyncio.gather(*(assignment.cancel_running() for assignment in ending))
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_COMMIT_SECONDS):
                ends = await asyncio.gather(
                    *(item.commit_now(self._clock, self._observer) for item in was_ready),
                    return_exceptions=True,
                )
                self.failure = next((end for end in ends if isinstance(end, Exception)), self.failure)
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(assignment.let_go() for assignment in ending))
        for assignment in ending:
            self._observer.saw(PartitionChanged(assignment.key.topic, assignment.key.partition, "lost"))
        self.assignments.clear()
