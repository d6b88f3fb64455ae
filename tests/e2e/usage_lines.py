"""Many usage lines on a topic, made from their numbers, so that any part of them can be added up without reading it."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from aiokafka import AIOKafkaProducer

from streamproc.records.codec import encode_usage
from streamproc.records.usage import TokenCounts
from tests.lines import a_line

__all__ = ["UsageLines"]

_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_PACE = timedelta(seconds=7)


class UsageLines:
    """So many lines in each partition. The line at an offset costs its number in nano-dollars, and every 50th is unpriced."""

    def __init__(self, partitions: int, each: int) -> None:
        self.partitions = partitions
        self.each = each
        self._sums = [
            list(accumulate((self.cost(one, n) or 0 for n in range(each)), initial=0)) for one in range(partitions)
        ]

    def cost(self, partition: int, offset: int) -> int | None:
        """Nano-dollars of a line; None is unknown."""
        number = partition * self.each + offset
        return None if number % 50 == 49 else number

    def cost_up_to(self, offsets: dict[int, int]) -> int:
        """Sum of the costs before these offsets."""
        return sum(self._sums[partition][offset] for partition, offset in offsets.items())

    def values(self, partition: int) -> Iterator[bytes]:
        """The records of a partition."""
        line = a_line()
        for offset in range(self.each):
            number = partition * self.each + offset
            began = _FIRST + number % 300_000 * _PACE
            run = f"llm.requests/{partition}/{offset}@1760000000000"
            yield encode_usage(
                line.changed(
                    usage_id=f"{run}/1760000000000/1",
                    run_id=run,
                    request_id=f"request-{number}",
                    tenant=f"tenant-{number % 40}",
                    user=f"user-{number % 900}",
                    feature=("chat", "search", "mail")[number % 3],
                    model=f"model-{number % 6}",
                    tokens=TokenCounts(input=number % 4000, output=number % 700, cached_input=number % 90),
                    cost_nanos=self.cost(partition, offset),
                    started_at=began,
                    ended_at=began + timedelta(seconds=2),
                )
            )

    def fill(self, bootstrap: str, topic: str) -> None:
        """Writes all of them."""
        asyncio.run(self._fill(bootstrap, topic))

    async def _fill(self, bootstrap: str, topic: str) -> None:
        async with AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=20, max_batch_size=2**19) as producer:
            for partition in range(self.partitions):
                builder = producer.create_batch()
                for value in self.values(partition):
                    if builder.append(timestamp=None, key=b"key", value=value) is None:
                        await producer.send_batch(builder, topic, partition=partition)
                        builder = producer.create_batch()
                        builder.append(timestamp=None, key=b"key", value=value)
                await producer.send_batch(builder, topic, partition=partition)
            await producer.flush()
