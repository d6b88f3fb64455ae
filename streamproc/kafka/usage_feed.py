"""The usage feed: all lines of the usage topic, as they are committed, go into the ledger.

It reads them in no group: from the beginning of the windows that are current when it starts, and then live.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from pydantic import ValidationError

from streamproc.chain.clock import Clock
from streamproc.kafka.connection import connected
from streamproc.kafka.poll import Poll
from streamproc.kafka.skew import MOST_SKEW_SECONDS
from streamproc.kafka.stopping import stop_consumer
from streamproc.money.ledger import Booked
from streamproc.money.scope import spend_of
from streamproc.observe.events import JournalTrouble, Observer
from streamproc.records.codec import decode_usage

__all__ = ["Books", "UsageFeed"]

_POLL_MS = 250
_RECORDS_PER_POLL = 2000
_STOP_SECONDS = 5.0


class Books(Protocol):
    """Where lines are added up."""

    async def book(self, partition: int, lines: Sequence[Booked], next_offset: int) -> None:
        """These lines of a partition follow those that it was told before."""
        ...


class UsageFeed:
    """Books what it reads. What it cannot read is told and passed by: nobody but workers may write there."""

    def __init__(self, options: Mapping[str, Any], topic: str, ledger: Books, clock: Clock, observer: Observer) -> None:
        self._topic = topic
        self._ledger = ledger
        self._clock = clock
        self._observer = observer
        self._consumer: Any = AIOKafkaConsumer(
            topic,
            **options,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=100,
        )
        self._poll = Poll(self._consumer, _RECORDS_PER_POLL)

    async def start(self) -> None:
        """Connects.

        Raises:
            KafkaError: no broker answers, or it refuses us.
        """
        await connected(self._consumer.start())

    async def stop(self) -> None:
        """Disconnects."""
        await stop_consumer(self._consumer, _STOP_SECONDS)

    async def read_from(self, since_ms: int) -> None:
        """Books every line that was stored since a time and is committed by now.

        Raises:
            KafkaError: a broker is away, or refuses us.
        """
        keys = self._consumer.assignment()
        ends: dict[TopicPartition, int] = await self._consumer.end_offsets(keys)
        times = dict.fromkeys(keys, max(since_ms - int(MOST_SKEW_SECONDS * 1000), 0))
        for key, found in (await self._consumer.offsets_for_times(times)).items():
            # A record newer than all that were there at the first look stands behind their end.
            self._poll.go(key, ends[key] if found is None else min(found.offset, ends[key]))
        await self._book_to(ends)

    async def read_to_end(self) -> None:
        """Books every line that follows and is committed by now.

        Raises:
            KafkaError: a broker is away, or refuses us.
        """
        await self._book_to(await self._consumer.end_offsets(self._consumer.assignment()))

    async def _book_to(self, ends: Mapping[TopicPartition, int]) -> None:
        while any([await self._consumer.position(key) < end for key, end in ends.items()]):
            await self._book()

    @property
    def partitions(self) -> list[int]:
        """Those of the usage topic."""
        return sorted(key.partition for key in self._consumer.assignment())

    def go_to(self, offsets: Mapping[int, int]) -> None:
        """What is read next of these partitions stands at these offsets."""
        for partition, offset in offsets.items():
            self._poll.go(TopicPartition(self._topic, partition), offset)

    async def read_on(self) -> None:
        """Books what comes next; returns at least a few times a second.

        Raises:
            KafkaError: a broker is away, or refuses us.
        """
        await self._book()

    async def _book(self) -> None:
        for key, records in (await self._poll.read(_POLL_MS)).items():
            if records:
                lines = [line for line in map(self._line, records) if line is not None]
                await self._ledger.book(key.partition, lines, records[-1].offset + 1)

    def _line(self, record: ConsumerRecord[bytes, bytes]) -> Booked | None:
        try:
            return Booked(record.offset, spend_of(decode_usage(record.value or b"")))
        except ValidationError:
            where = f"{record.topic}/{record.partition}/{record.offset}"
            self._observer.saw(JournalTrouble(record.topic, f"{where} is no usage line, and is in no budget"))
            return None
