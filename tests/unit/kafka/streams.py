"""A lane over a producer in memory, and streams on it."""

import asyncio
from typing import Any

from streamproc.chain.answer import Answer
from streamproc.chain.provider import Event, Reasoning, Restarted, Text, ToolCallPart
from streamproc.chain.run import Run
from streamproc.kafka.lane import Lane
from streamproc.kafka.writer import ChunkWriter, Coalescing
from streamproc.records.chunk import Chunk
from streamproc.records.codec import decode_chunk
from tests.fakes import FakeClock, MemoryProducer, a_run, eventually

__all__ = ["JOINED", "NEVER", "SINGLE", "Rig", "Stream"]

JOINED = Coalescing(enabled=True, seconds=0.005, characters=64)
SINGLE = Coalescing(enabled=False, seconds=0.005, characters=64)
NEVER = Coalescing(enabled=True, seconds=3600.0, characters=64)


class Rig:
    """One lane with its producer."""

    def __init__(self, linger_seconds: float = 0.0, most_per_batch: int = 2000) -> None:
        self.producer = MemoryProducer(most_per_batch)
        self.buffered = 0
        self.lane = Lane(self.producer, "llm.chunks", 3, FakeClock(), self._count, linger_seconds)
        self.task = asyncio.create_task(self.lane.run())

    def _count(self, change: int) -> None:
        self.buffered += change

    def open(self, coalescing: Coalescing = SINGLE, **fields: Any) -> "Stream":
        return Stream(self, a_run(**fields), coalescing)

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self.lane.close()

    @property
    def stored(self) -> list[Chunk]:
        return [decode_chunk(value or b"") for _, value, _ in self.producer.stored.get(("llm.chunks", 3), [])]

    async def told(self) -> list[tuple[int, int, str, str, int]]:
        """Attempt, seq, kind, text and character offset of each chunk, once all are stored."""
        await eventually(lambda: self.lane.acknowledged == self.lane.appended)
        return [(chunk.attempt, chunk.seq, chunk.kind, chunk.text, chunk.char_offset) for chunk in self.stored]


class Stream:
    """A writer and the answer beside it, fed with the same events as the processor does."""

    def __init__(self, rig: Rig, run: Run, coalescing: Coalescing) -> None:
        self.run = run
        self.answer = Answer("p", 10**9)
        self.writer = ChunkWriter(rig.lane, run, self.answer, coalescing)

    def add(self, *events: Event) -> None:
        for event in events:
            self.answer.add(event)
            if isinstance(event, Restarted):
                self.writer.restart()
            elif isinstance(event, Text | Reasoning | ToolCallPart):
                self.writer.write(event)
