"""The outputs as subscribers see them: when the first token of each request came, and when each result was visible."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

__all__ = ["MARKER", "Outputs", "Shown", "Stream", "read_outputs"]

MARKER = b"marker"
"""Key of records in the topic of results that are no results; the value is the time of sending."""

_LONGEST_FETCH_MS = 20  # a partition that is not part of the fetch under way waits for its end


class Stream(NamedTuple):
    """The first token of a request; unix seconds."""

    sent_at: float
    first_token_at: float


class Shown(NamedTuple):
    """A result that a reader of committed records sees; unix seconds."""

    finished_at: float
    shown_at: float


class Outputs:
    """What has been read, by partition. `sent` is filled by whoever sends: request id → unix seconds."""

    def __init__(self) -> None:
        self.sent: dict[bytes, float] = {}
        self.answered: set[bytes] = set()
        self.streams: defaultdict[int, list[Stream]] = defaultdict(list)
        self.results: defaultdict[int, list[Shown]] = defaultdict(list)
        self.markers: defaultdict[int, list[Shown]] = defaultdict(list)
        self._streaming: set[bytes] = set()

    def again_at(self, partition: int, after: float) -> float | None:
        """When the first token came of a request that was sent after a time; None if none has come."""
        times = [stream.first_token_at for stream in self.streams[partition] if stream.sent_at > after]
        return min(times, default=None)

    @property
    def unanswered(self) -> int:
        """Requests without a result, so far."""
        return len(self.sent.keys() - self.answered)

    def take_chunk(self, record: Any, now: float) -> None:
        """Of a request's chunks only the first one with a token counts."""
        if record.key in self._streaming or record.key not in self.sent:
            return
        if orjson.loads(record.value)["kind"] == "text":
            self._streaming.add(record.key)
            self.streams[record.partition].append(Stream(self.sent[record.key], now))

    def take_result(self, record: Any, now: float) -> None:
        """A result, or a marker."""
        if record.key == MARKER:
            self.markers[record.partition].append(Shown(float(record.value), now))
        else:
            finished_at = datetime.fromisoformat(orjson.loads(record.value)["finished_at"]).timestamp()
            self.results[record.partition].append(Shown(finished_at, now))
            self.answered.add(record.key)


@asynccontextmanager
async def read_outputs(bootstrap: str, chunks: str, results: str, partitions: int) -> AsyncIterator[Outputs]:
    """Reads both topics from their beginnings while the block runs, results in a consumer of their own."""
    outputs = Outputs()
    takes = {chunks: outputs.take_chunk, results: outputs.take_result}
    tasks = [asyncio.create_task(_read(bootstrap, topic, partitions, take)) for topic, take in takes.items()]
    try:
        yield outputs
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end


async def _read(bootstrap: str, topic: str, partitions: int, take: Callable[[Any, float], None]) -> None:
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        fetch_max_wait_ms=_LONGEST_FETCH_MS,
        enable_auto_commit=False,
    ) as consumer:
        consumer.assign([TopicPartition(topic, number) for number in range(partitions)])
        while True:
            found = await consumer.getmany(timeout_ms=1000)
            now = time.time()
            for records in found.values():
                for record in records:
                    take(record, now)
