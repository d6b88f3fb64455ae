"""The consumer: a member of the group, its poll loop that never stops, and how it leaves."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import ConsumerStoppedError, IllegalStateError, InconsistentGroupProtocolError, KafkaError

from streamproc.chain.clock import Clock
from streamproc.chain.run import Run
from streamproc.errors import SetupError
from streamproc.kafka.agreement import Agreement
from streamproc.kafka.assignment import Assignment, State
from streamproc.kafka.assignor import own_sticky_assignor
from streamproc.kafka.commit_rules import CommitRules
from streamproc.kafka.committed import group_state
from streamproc.kafka.deferring import Bounds
from streamproc.kafka.dispatch import Dispatch
from streamproc.kafka.fairness import Fairness
from streamproc.kafka.intake import Intake
from streamproc.kafka.journals import Journals
from streamproc.kafka.membership import Membership
from streamproc.kafka.rebalance import Rebalance
from streamproc.kafka.stopping import stop_consumer
from streamproc.kafka.transactor import NewTransactor
from streamproc.kafka.work import Work
from streamproc.observe.events import Observer
from streamproc.settings.kafka import KafkaSettings

__all__ = ["Consumer"]

_ENDS_SECONDS = 1.0
_STOP_SECONDS = 5.0
_LEASE_SHARE = 0.8
"""How much of the time after which the group gives our partitions away we trust that it has not: the rest is for the
way of a heartbeat, and for clocks that do not run alike."""


def _lease(options: Mapping[str, Any]) -> float:
    shortest: int = min(options["session_timeout_ms"], options["rebalance_timeout_ms"])
    return shortest * _LEASE_SHARE / 1000


class Consumer:
    """One member of the group. `run` polls until `drain`."""

    def __init__(
        self,
        options: Mapping[str, Any],
        sources: Mapping[str, str | None],
        deferred: str,
        work: Work,
        new_transactor: NewTransactor,
        fairness: Fairness,
        bounds: Bounds,
        settings: KafkaSettings,
        agreement: Agreement,
        is_cancelled: Callable[[Run], bool],
        failure: Callable[[], BaseException | None],
        journals: Journals,
        new_owner: Callable[[], str],
        call_seconds: float,
        clock: Clock,
        observer: Observer,
    ) -> None:
        self._topics = [*sources, deferred]
        self._agreement = agreement
        self._group: str = options["group_id"]
        self._instance_id: str | None = options["group_instance_id"]
        self._failure = failure
        self._clock = clock
        self._consumer: Any = AIOKafkaConsumer(
            **options,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            partition_assignment_strategy=(
                own_sticky_assignor(agreement.protocol, lambda: self._rebalance.check_join()),
            ),
            max_partition_fetch_bytes=256 * 1024,
            fetch_max_bytes=8 * 2**20,
            # A partition that is not part of the fetch under way waits for its end, so keep it short.
            fetch_max_wait_ms=100,
            check_crcs=True,
        )
        room = asyncio.Event()
        self.dispatch = Dispatch(work, clock, fairness, room.set, is_cancelled, bounds, observer)
        self._rebalance = Rebalance(
            self._consumer,
            Membership(self._consumer, options["group_id"], options["group_instance_id"], _lease(options), clock),
            new_transactor,
            self.dispatch,
            sources,
            settings.start_without_offset,
            clock,
            observer,
            CommitRules.of(settings),
            room.set,
            journals,
            new_owner,
            call_seconds,
        )
        self._intake = Intake(
            self._consumer,
            self._rebalance.assignments,
            self.dispatch,
            work,
            room,
            bounds,
            deferred,
            fairness.ordered,
            clock,
            observer,
        )
        self._ends: dict[TopicPartition, int] = {}
        self._stopping = False
        self._cut_at = 0.0
        self.last_poll = clock.monotonic()

    def __repr__(self) -> str:
        return f"Consumer({self.assignments}, {self.dispatch})"

    @property
    def assignments(self) -> Sequence[Assignment]:
        """The partitions this process owns, in whatever state."""
        return tuple(self._rebalance.assignments.values())

    @property
    def has_all(self) -> bool:
        """Whether every partition of our topics is claimed by this process."""
        claimed = {assignment.key for assignment in self.assignments if assignment.epoch}
        return all(
            TopicPartition(topic, partition) in claimed
            for topic in self._topics
            for partition in self._consumer.partitions_for_topic(topic) or {0}
        )

    async def start(self) -> None:
        """Joins the group.

        Raises:
            SetupError: who is in the group disagrees with us, or has our name.
            KafkaError: no broker answers, or it refuses us.
        """
        self._consumer.subscribe(self._topics, listener=self._rebalance)
        try:
            await self._consumer.start()
        except InconsistentGroupProtocolError as exc:
            raise await self._disagreement() from exc
        except KafkaError as exc:
            # aiokafka 0.14 knows no other words for a name that was taken while it joined.
            if self._instance_id is None or type(exc) is not KafkaError:
                raise
            raise SetupError(
                f"Kafka did not take kafka.instance_id {self._instance_id} into group {self._group}: another process"
                " seems to have this name: give each process its own"
            ) from exc

    async def _disagreement(self) -> SetupError:
        return SetupError(self._agreement.explain(self._group, await group_state(self._consumer, self._group)))

    async def run(self) -> None:
        """Polls until drained.

        Raises:
            SetupError: a committed offset's metadata is not ours, or another reason why we cannot be in this group.
            Exception: a task of ours died of a defect; `failure` tells of those that are not the consumer's own.
        """
        watching = asyncio.create_task(self._watch_ends(), name="ends")
        try:
            while not self._stopping:
                self.last_poll = self._clock.monotonic()
                failure = self._rebalance.failure or self.dispatch.failure or self._failure()
                if failure is not None:
                    raise failure
                self.dispatch.sweep()
                try:
                    await self._intake.round()
                except InconsistentGroupProtocolError as exc:
                    raise await self._disagreement() from exc
                except ConsumerStoppedError:
                    # A round may outlive the client of a worker that had nothing to drain.
                    if not self._stopping:
                        raise
        finally:
            watching.cancel()

    async def _watch_ends(self) -> None:
        # aiokafka learns where a partition ends by fetching from it. A paused one is not fetched, and its lag would
        # stand still just when it should show the overload: so its end is asked for.
        while True:
            await self._clock.sleep(_ENDS_SECONDS)
            paused = [assignment.key for assignment in self.assignments if assignment.is_paused]
            if paused:
                with suppress(KafkaError):
                    self._ends |= await self._consumer.end_offsets(paused)

    def lag(self, key: TopicPartition) -> int | None:
        """Records of the partition that are not finished, or None when the end is not known yet."""
        assignment = self._rebalance.assignments.get(key)
        if assignment is None or assignment.state is not State.READY:
            return None
        with suppress(IllegalStateError):
            fetched: int | None = self._consumer.highwater(key)
            if fetched is not None:
                return max(fetched, self._ends.get(key, 0), assignment.offsets.position) - assignment.offsets.position
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
        await self._rebalance.close()
        # What is finished is committed by now; with Kafka away the client would wait for it, and we need not.
        await stop_consumer(self._consumer, _STOP_SECONDS)

    def cut(self) -> None:
        """Waits no longer for running calls."""
        self._cut_at = 0.0

    @property
    def is_draining(self) -> bool:
        """Whether it takes nothing new any more."""
        return self._stopping

    @property
    def is_member(self) -> bool:
        """Whether the group has given us our partitions, be they none."""
        return self._rebalance.is_settled
