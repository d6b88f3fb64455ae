"""The publisher: token chunks to their topic, live, outside any transaction (an open one would hold them back).

Bounded: while more than `max_buffered_bytes` are not acknowledged, writers are told to wait, and providers are not
read meanwhile.
"""

import asyncio

from streamproc.chain.answer import Answer
from streamproc.chain.clock import Clock
from streamproc.chain.run import Run
from streamproc.kafka.lane import Lane
from streamproc.kafka.lanes import Lanes
from streamproc.kafka.producer import Producer
from streamproc.kafka.stopping import within
from streamproc.kafka.writer import ChunkWriter, Coalescing

__all__ = ["Publisher"]

_STOP_SECONDS = 5.0


class Publisher:
    """Opens a writer for each stream; one lane for each partition.

    While `is_full`, writers have to wait for `room`.
    """

    def __init__(
        self,
        producer: Producer,
        topic: str,
        clock: Clock,
        *,
        coalescing: Coalescing,
        linger_seconds: float = 0.0,
        max_buffered_bytes: int,
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._clock = clock
        self._coalescing = coalescing
        self._linger_seconds = linger_seconds
        self._max_buffered_bytes = max_buffered_bytes
        self._lanes = Lanes(self._make_lane, "chunks")
        self._room = asyncio.Event()
        self._room.set()
        self.buffered_bytes = 0
        self.is_full = False

    def __repr__(self) -> str:
        return f"Publisher(buffered={self.buffered_bytes}, lanes={len(self._lanes)})"

    @property
    def failure(self) -> BaseException | None:
        """What a lane died of, if one did."""
        return self._lanes.failure

    def open(self, run: Run, answer: Answer) -> ChunkWriter:
        """A writer for the chunks of one run; `answer` is what has come of it so far."""
        return ChunkWriter(self._lanes.of(run.id.partition), run, answer, self._coalescing)

    def _make_lane(self, partition: int) -> Lane:
        return Lane(self._producer, self._topic, partition, self._clock, self._count_bytes, self._linger_seconds)

    def _count_bytes(self, change: int) -> None:
        self.buffered_bytes += change
        if self.buffered_bytes > self._max_buffered_bytes:
            if not self.is_full:
                self.is_full = True
                self._room.clear()
                self._lanes.leave()  # nobody may add company any more
        elif self.is_full and self.buffered_bytes <= self._max_buffered_bytes // 2:
            self.is_full = False
            self._room.set()

    async def room(self) -> None:
        """Waits until there is room."""
        await self._room.wait()

    async def stop(self) -> None:
        """Ends the lanes; chunks that are not acknowledged belong to runs without a result, which will run again."""
        await self._lanes.stop()
        await within(_STOP_SECONDS, self._producer.stop())
