"""The control topics: every worker reads all of them, without a group, from the beginning and then live.

Up to the end of the start they are read before the first request is taken, so that a cancel also meets a request that
has waited in Kafka for hours. Anybody may write there who may write requests: what is no cancel is told and passed by.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import IllegalStateError, KafkaError

from streamproc.chain.clock import Clock
from streamproc.chain.run import Run
from streamproc.errors import InvalidRequest
from streamproc.kafka.cancels import Cancels
from streamproc.kafka.connection import connected
from streamproc.kafka.failure import failure_of
from streamproc.kafka.poll import Poll
from streamproc.kafka.stopping import stop_consumer
from streamproc.observe.events import ControlTrouble, Observer
from streamproc.records.codec import decode_cancel

__all__ = ["Control"]

_POLL_MS = 1000
_RECORDS_PER_POLL = 1000
_SILENCE_SECONDS = 20.0
_RETRY_SECONDS = 1.0
_STOP_SECONDS = 5.0


class Control:
    """Knows which runs are cancelled. `failure` is set when reading died of a defect."""

    def __init__(
        self, options: Mapping[str, Any], topics: Mapping[str, Cancels], clock: Clock, observer: Observer
    ) -> None:
        self._topics = topics
        self._clock = clock
        self._observer = observer
        # What an aborted transaction holds was never said. Without a group all partitions are ours, new ones, too;
        # when one is added all are read again from the beginning, and a cancel that comes twice says nothing new.
        self._consumer: Any = AIOKafkaConsumer(
            *topics,
            **options,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=100,
            max_partition_fetch_bytes=256 * 1024,
        )
        self._poll = Poll(self._consumer, _RECORDS_PER_POLL)
        self._reading: asyncio.Task[None] | None = None
        self.failure: BaseException | None = None
        self.is_read = False

    def is_cancelled(self, run: Run) -> bool:
        """Whether the sender of a run has cancelled it, as far as it was read."""
        return any(cancels.cover(run) for cancels in self._topics.values())

    async def start(self, changed: Callable[[], None]) -> None:
        """Reads what is there by now, and then goes on to read; `changed` is called when there are more cancels.

        Raises:
            KafkaError: no broker answers, or it refuses us.
            TimeoutError: nothing came for 20 seconds, though there is more.
        """
        await connected(self._consumer.start())
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_SILENCE_SECONDS) as silence:
            ends = await self._consumer.end_offsets(self._consumer.assignment())
            while any([await self._consumer.position(key) < end for key, end in ends.items()]):
                records = await self._read()
                self._take(records)
                if records:
                    silence.reschedule(loop.time() + _SILENCE_SECONDS)
        self.is_read = True
        self._reading = asyncio.create_task(self._go_on(changed), name="control")
        self._reading.add_done_callback(self._note_end)

    async def stop(self) -> None:
        """Disconnects."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        await stop_consumer(self._consumer, _STOP_SECONDS)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self.failure = failure_of(task)

    async def _go_on(self, changed: Callable[[], None]) -> None:
        while True:
            try:
                records = await self._read()
            except (IllegalStateError, KafkaError) as exc:
                # The broker is away, or we lack a right since: what was missed meanwhile is read later.
                for topic in self._topics:
                    self._observer.saw(ControlTrouble(topic, "unreadable", repr(exc)))
                await self._clock.sleep(_RETRY_SECONDS)
                continue
            if self._take(records):
                began = self._clock.monotonic()
                changed()
                # It goes through all runs that wait: a flood of cancels takes a fifth of this process' time at most.
                await self._clock.sleep(4 * (self._clock.monotonic() - began))

    async def _read(self) -> list[ConsumerRecord[bytes, bytes]]:
        return [record for records in (await self._poll.read(_POLL_MS)).values() for record in records]

    def _take(self, records: list[ConsumerRecord[bytes, bytes]]) -> int:
        """Remembers the cancels among the records, and says how many there are."""
        taken = 0
        now_ms = int(self._clock.time() * 1000)
        for record in records:
            where = f"{record.topic}/{record.partition}/{record.offset}"
            try:
                cancel = decode_cancel(record.value)
            except InvalidRequest as error:
                self._observer.saw(ControlTrouble(record.topic, "no_cancel", f"{where} is no cancel: {error}"))
                continue
            found = self._topics[record.topic].add(cancel, record.timestamp, now_ms)
            if found == "wrong_tenant":
                self._observer.saw(
                    ControlTrouble(record.topic, found, f"{where} is not of the tenant that the topic is for")
                )
            elif found == "too_many":
                self._observer.saw(
                    ControlTrouble(record.topic, found, "worker.max_cancels is reached: the oldest one is forgotten")
                )
            taken += found in ("taken", "too_many")
        return taken
