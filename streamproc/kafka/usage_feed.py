"""The usage feed: all lines of the usage topic, as they are committed, go into the ledger.

It reads them in no group: from the beginning of the windows that are current when it starts, and then live.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from streamproc.errors import StreamprocError
from streamproc.kafka.connection import connected
from streamproc.kafka.poll import Poll
from streamproc.kafka.skew import MOST_SKEW_SECONDS
from streamproc.kafka.stopping import stop_consumer
from streamproc.money.ledger import Booked
from streamproc.money.scope import spend_of
from streamproc.records.usage_record import UnreadableRecord, read_usage

__all__ = ["Books", "Unreadable", "UnreadableUsage", "UsageFeed"]

_POLL_MS = 250
_RECORDS_PER_POLL = 2000
_STOP_SECONDS = 5.0


class Books(Protocol):
    """Where lines are added up."""

    async def book(self, partition: int, lines: Sequence[Booked], next_offset: int) -> None:
        """These lines of a partition follow those that it was told before."""
        ...


class UnreadableUsage(StreamprocError):
    """Nobody knows what was spent: a record of the usage topic cannot be read, and is not to be passed over."""


Unreadable = Callable[[str, int, int, str], bool]
"""Is told topic, partition, offset and reason of a record that cannot be read; True passes it over."""


class UsageFeed:
    """Books what it reads. It stands still before a record that cannot be read, unless that is to be passed over."""

    def __init__(self, options: Mapping[str, Any], topic: str, ledger: Books, unreadable: Unreadable) -> None:
        self._topic = topic
        self._ledger = ledger
        self._unreadable = unreadable
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
            UnreadableUsage: a record cannot be read; what stands before it is booked.
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
            UnreadableUsage: a record cannot be read; what stands before it is booked.
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
            UnreadableUsage: a record cannot be read; what stands before it is booked.
            KafkaError: a broker is away, or refuses us.
        """
        await self._book()

    async def _book(self) -> None:
        stops = []
        for key, records in (await self._poll.read(_POLL_MS)).items():
            lines, end, stop = self._lines(records)
            if records and end > records[0].offset:
                await self._ledger.book(key.partition, lines, end)
            if stop is not None:
                self._poll.go(key, end)
                stops.append(stop)
        if stops:
            raise stops[0]

    def _lines(
        self, records: Sequence[ConsumerRecord[bytes, bytes]]
    ) -> tuple[list[Booked], int, UnreadableUsage | None]:
        """Lines, the offset behind them, and what stands there if it is not to be passed over."""
        lines, end = [], 0
        for record in records:
            try:
                lines.append(Booked(record.offset, spend_of(read_usage(record.headers, record.value))))
            except UnreadableRecord as error:
                place = record.topic, record.partition, record.offset
                if not self._unreadable(*place, str(error)):
                    where = "{} partition {} offset {}".format(*place)
                    return lines, record.offset, UnreadableUsage(f"{where} cannot be read: {error}")
            end = record.offset + 1
        return lines, end, None
