"""The journal topic: where notes are written, and what claims and the sweep read of it and of the usage topic."""

from collections.abc import Callable, Mapping

from aiokafka import TopicPartition

from streamproc.chain.clock import Clock
from streamproc.kafka.inherited import Inherited, InheritedCall
from streamproc.kafka.journal import PartitionJournal
from streamproc.kafka.lane import Lane
from streamproc.kafka.lanes import Lanes
from streamproc.kafka.notes import read_notes
from streamproc.kafka.producer import Producer
from streamproc.kafka.skew import MOST_SKEW_SECONDS
from streamproc.kafka.stopping import within
from streamproc.kafka.tail import Tail
from streamproc.money.ledger import Ledger
from streamproc.money.scope import spend_of
from streamproc.observe.events import Observer
from streamproc.records.usage import UsageLine

__all__ = ["Journals"]

_STOP_SECONDS = 5.0
_COMPANY_SECONDS = 0.05  # how long the end of a call waits for another note to go with, or a tick less
_TICK_SECONDS = 0.01


class Journals:
    """One for a process. A partition's notes and usage lines stand in the partition with its number."""

    def __init__(
        self,
        producer: Producer,
        tail: Tail,
        topic: str,
        usage_topic: str,
        clock: Clock,
        observer: Observer,
        *,
        waits: bool,
        ledger: Ledger | None = None,
    ) -> None:
        """With `waits` a call begins only when its first note is stored; `ledger` is told of calls that may be open."""
        self._producer = producer
        self._tail = tail
        self._topic = topic
        self._usage_topic = usage_topic
        self._clock = clock
        self._observer = observer
        self._waits = waits
        self._ledger = ledger
        self._lanes = Lanes(self._make_lane, "journal")

    @property
    def failure(self) -> BaseException | None:
        """What a lane died of, if one did."""
        return self._lanes.failure

    def _make_lane(self, partition: int) -> Lane:
        return Lane(
            self._producer,
            self._topic,
            partition,
            self._clock,
            lambda _: None,
            _COMPANY_SECONDS,
            tick_seconds=_TICK_SECONDS,
            repeats=True,
        )

    async def start(self) -> None:
        """Connects.

        Raises:
            KafkaError: no broker answers, or it refuses us.
        """
        await self._producer.start()
        await self._tail.start()

    async def stop(self) -> None:
        """Disconnects; notes that are not stored by now are lost, and their calls are found by the next owner."""
        await self._lanes.stop()
        await within(_STOP_SECONDS, self._producer.stop())
        await self._tail.stop()

    def open(self, key: TopicPartition, owner: str, may_call: Callable[[], bool]) -> PartitionJournal:
        """The journal of an assignment."""
        lane = self._lanes.of(key.partition)
        return PartitionJournal(key, owner, lane, may_call, self._clock, waits=self._waits)

    async def end(self, partition: int) -> int:
        """The offset after the last note.

        Raises:
            KafkaError: the leader is away, or it refuses us.
        """
        return await self.end_of(TopicPartition(self._topic, partition))

    async def end_of(self, key: TopicPartition) -> int:
        """The same of any partition: it is asked beside the poll loop.

        Raises:
            KafkaError: the leader is away, or it refuses us.
        """
        return await self._tail.end(key)

    async def read(self, key: TopicPartition, owner: str, start: int, into: Inherited) -> int:
        """Adds the notes of other owners of a partition, and gives the offset after the last one.

        Raises:
            KafkaError: the leader is away, or it refuses us.
        """
        known = set(into.unbilled)
        position = await read_notes(self._tail, self._topic, key, owner, start, into, self._observer)
        if self._ledger is not None:
            await self._ledger.adopt([spend_of(call.line) for call in into.unbilled.values() if call.line is not None])
            for usage_id in known - into.unbilled.keys():
                self._ledger.release(usage_id)  # it cost nothing after all
        return position

    def bill(self, line: UsageLine) -> None:
        """The line of a former owner's call is on its way."""
        if self._ledger is not None:
            self._ledger.settle(spend_of(line))

    async def published(self, partition: int, calls: Mapping[str, InheritedCall]) -> set[str]:
        """Which of these calls, by usage id, have a line in the usage topic.

        Raises:
            KafkaError: the leader is away, or it refuses us.
        """
        key = TopicPartition(self._usage_topic, partition)
        since_ms = min(call.timestamp_ms for call in calls.values()) - int(MOST_SKEW_SECONDS * 1000)
        found: set[str] = set()
        ids: dict[bytes | None, str] = {usage_id.encode(): usage_id for usage_id in calls}
        async for batch in self._tail.read(key, await self._tail.offset_at(key, since_ms)):
            for record in batch.records:
                # Somebody else's may be no text, or nothing.
                ce_id = next((value for name, value in record.headers if name == "ce_id"), None)
                if ce_id in ids:
                    found.add(ids[ce_id])
        return found
