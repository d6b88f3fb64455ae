"""The load: puts requests on the topic, at once or at a rate, and reads how soon the first tokens come and if all do.

By itself it sends requests to a running worker and says what came back:

    python -m benchmarks.load --bootstrap localhost:9092 --requests r --chunks c --results o --count 500 --rate 50
"""

import argparse
import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

__all__ = ["Received", "Topics", "produce", "quantile", "receive"]


@dataclass(frozen=True, slots=True)
class Topics:
    """Names of a worker's topics, all with the same number of partitions."""

    requests: str
    chunks: str
    results: str
    partitions: int


@dataclass(slots=True)
class Received:
    """What came back: arrival of the first token by request, tokens and results by request; times are monotonic."""

    first_token_at: dict[bytes, float] = field(default_factory=dict)
    tokens: Counter[bytes] = field(default_factory=Counter)
    results: Counter[bytes] = field(default_factory=Counter)

    def faults(self, sent: dict[bytes, float], tokens: int) -> list[str]:
        """What is not complete, in sentences; empty is good."""
        short = sum(self.tokens[key] != tokens for key in sent)
        missing = sum(self.results[key] == 0 for key in sent)
        doubled = sum(self.results[key] > 1 for key in sent)
        kinds = {"without all tokens": short, "without a result": missing, "with two results": doubled}
        return [f"{count} requests {kind}" for kind, count in kinds.items() if count]


def _bodies(model: str, count: int, name: str, tenant: str, *, stream: bool) -> Iterator[tuple[bytes, bytes]]:
    for number in range(count):
        request_id = f"{name}-{number}"
        question = f"Question {number}: what does this stream cost, and who pays for it in the end?"
        message = {"role": "user", "content": question}
        body = {"request_id": request_id, "tenant": tenant, "model": model, "messages": [message], "stream": stream}
        yield request_id.encode(), orjson.dumps(body)


async def produce(
    bootstrap: str,
    topics: Topics,
    *,
    model: str,
    count: int,
    stream: bool = True,
    rate_per_second: float | None = None,
    name: str = "bench",
    tenant: str = "default",
) -> dict[bytes, float]:
    """Sends requests round robin over the partitions; gives the monotonic time of each, by key. No rate means at once.

    Keys are `name` and a number.
    """
    sent: dict[bytes, float] = {}
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        start = time.monotonic()
        acknowledgement = None
        for number, (key, value) in enumerate(_bodies(model, count, name, tenant, stream=stream)):
            if rate_per_second is not None:
                await asyncio.sleep(start + number / rate_per_second - time.monotonic())
            sent[key] = time.monotonic()
            partition = number % topics.partitions
            acknowledgement = await producer.send(topics.requests, value, key=key, partition=partition)
        if acknowledgement is not None:
            await acknowledgement
    return sent


@asynccontextmanager
async def receive(bootstrap: str, topics: Topics) -> AsyncIterator[Received]:
    """Reads chunks and results, from now on, while the block runs."""
    received = Received()
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed") as consumer:
        names = (topics.chunks, topics.results)
        consumer.assign([TopicPartition(name, number) for name in names for number in range(topics.partitions)])
        await consumer.seek_to_end()
        task = asyncio.create_task(_read(consumer, topics, received))
        try:
            yield received
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _read(consumer: AIOKafkaConsumer, topics: Topics, received: Received) -> None:
    while True:
        for partition, records in (await consumer.getmany(timeout_ms=1000)).items():
            now = time.monotonic()
            for record in records:
                if partition.topic == topics.results:
                    received.results[record.key] += 1
                elif orjson.loads(record.value)["kind"] == "text":
                    received.tokens[record.key] += 1
                    received.first_token_at.setdefault(record.key, now)


def quantile(values: list[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


async def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap", default="localhost:9092")
    parser.add_argument("--requests", default="llm.requests")
    parser.add_argument("--chunks", default="llm.chunks")
    parser.add_argument("--results", default="llm.results")
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--model", default="mock-t20-i20-f50")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--rate", type=float, default=50.0, help="requests per second")
    parser.add_argument("--wait", type=float, default=5.0, help="seconds to wait for the last answers")
    said: Any = parser.parse_args()
    topics = Topics(said.requests, said.chunks, said.results, said.partitions)
    async with receive(said.bootstrap, topics) as received:
        sent = await produce(said.bootstrap, topics, model=said.model, count=said.count, rate_per_second=said.rate)
        await asyncio.sleep(said.wait)
    waits = [at - sent[key] for key, at in received.first_token_at.items()]
    print(f"{len(sent)} requests, {sum(received.results.values())} results, {received.tokens.total()} tokens")
    if waits:
        median, late = quantile(waits, 0.5) * 1000, quantile(waits, 0.99) * 1000
        print(f"first token after {median:.1f} ms (median), {late:.1f} ms (p99)")


if __name__ == "__main__":
    asyncio.run(_main())
