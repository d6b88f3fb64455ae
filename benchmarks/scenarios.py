"""What is measured: CPU per token, CPU per whole answer, time added to the first token, memory per open stream."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaConsumer

from benchmarks.load import Topics, produce, quantile, receive
from benchmarks.measure import busy_seconds, cpu_seconds, create_topics, records_in, resident_kilobytes, stats
from benchmarks.workers import WORKERS, Job
from tests.servers.process import Process

__all__ = ["SCENARIOS", "Bench", "Figures"]

Figures = dict[str, float]
"""Measured values by name; the unit is the last part of the name."""

_PARTITIONS = 8


@dataclass(frozen=True, slots=True)
class Bench:
    """Servers and sizes of a run. `worker_core` is None on a machine with one core; nothing is pinned there."""

    bootstrap: str
    base_url: str
    folder: Path
    kafka_pid: int | None
    mock_pid: int
    worker_core: int | None
    in_flight: int
    tokens: int
    interval_ms: int
    warm_up_seconds: float
    window_seconds: float

    @property
    def calls_per_second(self) -> float:
        """The most streamed calls that the running ones can make room for."""
        return self.in_flight / (self.tokens * self.interval_ms / 1000)

    @property
    def enough_seconds(self) -> float:
        """How long the prepared requests must last."""
        return self.warm_up_seconds + self.window_seconds + 5

    @asynccontextmanager
    async def worker(self, name: str, topics: Topics, model: str, in_flight: int) -> AsyncIterator[Process]:
        """Runs a worker on its own core while the block runs."""
        job = Job(self.bootstrap, self.base_url, topics, model, in_flight, self.folder)
        process = Process(WORKERS[name](job), self.folder / f"{topics.requests}.log")
        try:
            if self.worker_core is not None:
                os.sched_setaffinity(process.pid, {self.worker_core})
            yield process
        except TimeoutError as exc:
            raise RuntimeError(f"{name} did not do its work; its last words:\n{process.last_words()}") from exc
        finally:
            process.kill()
            if words := process.last_words(3):
                print(f"    {name} said: {words}")
            await self.until_running(lambda running: running == 0)

    async def topics(self, name: str) -> Topics:
        """New topics for one measurement."""
        stem = f"bench-{name}-{time.time_ns()}"
        topics = Topics(f"{stem}-requests", f"{stem}-chunks", f"{stem}-results", _PARTITIONS)
        await create_topics(self.bootstrap, topics)
        return topics

    async def stat(self, name: str) -> int:
        """One figure of the mock provider's bill."""
        figures = await asyncio.to_thread(stats, self.base_url)
        return int(figures[name])

    async def until_running(self, is_so: Callable[[int], bool], patience_seconds: float = 60) -> None:
        """Waits for a number of calls that run at the provider."""
        async with asyncio.timeout(patience_seconds):
            # A poll: the provider is another process.
            while not is_so(await self.stat("running")):  # noqa: ASYNC110
                await asyncio.sleep(0.1)


@dataclass(frozen=True, slots=True)
class _Reading:
    at: float
    worker: float
    mock: float
    kafka: float | None
    core: float | None
    records: int
    tokens: int
    completed: int


async def _read(bench: Bench, process: Process, consumer: AIOKafkaConsumer, topics: Topics) -> _Reading:
    figures = await asyncio.to_thread(stats, bench.base_url)
    records = await records_in(consumer, topics.chunks, topics.partitions)
    kafka = cpu_seconds(bench.kafka_pid) if bench.kafka_pid else None
    core = busy_seconds(bench.worker_core) if bench.worker_core is not None else None
    return _Reading(
        time.monotonic(),
        cpu_seconds(process.pid),
        cpu_seconds(bench.mock_pid),
        kafka,
        core,
        records,
        figures["output_tokens"],
        figures["completed"],
    )


async def _window(bench: Bench, name: str, model: str, count: int, *, stream: bool) -> tuple[_Reading, _Reading]:
    """Prepares the requests, starts the worker, warms up, and reads at both ends of the window."""
    topics = await bench.topics(name)
    await produce(bench.bootstrap, topics, model=model, count=count, stream=stream)
    async with (
        AIOKafkaConsumer(bootstrap_servers=bench.bootstrap) as consumer,
        bench.worker(name, topics, model, bench.in_flight) as process,
    ):
        await bench.until_running(lambda running: running > 0)
        await _generation(bench, bench.warm_up_seconds)
        first = await _read(bench, process, consumer, topics)
        await _generation(bench, bench.window_seconds)
        last = await _read(bench, process, consumer, topics)
        await bench.until_running(lambda running: running > 0, 1)  # the prepared requests lasted
    return first, last


async def _generation(bench: Bench, seconds: float) -> None:
    """Waits, at least until as many calls ended as run at once.

    The calls of a worker that cannot keep up start and end in waves; a part of a wave would miss the cost of starts.
    """
    enough = await bench.stat("completed") + bench.in_flight
    await asyncio.sleep(seconds)
    async with asyncio.timeout(120):
        while await bench.stat("completed") < enough:  # noqa: ASYNC110 the provider is another process
            await asyncio.sleep(0.2)


def _shares(first: _Reading, last: _Reading) -> Figures:
    seconds = last.at - first.at
    shares = {
        "worker_core_percent": (last.worker - first.worker) / seconds * 100,
        "mock_core_percent": (last.mock - first.mock) / seconds * 100,
    }
    if first.kafka is not None and last.kafka is not None:
        shares["kafka_core_percent"] = (last.kafka - first.kafka) / seconds * 100
    if first.core is not None and last.core is not None:
        # How much something else disturbed the worker on its own core; a share above a few percent spoils the run.
        shares["others_core_percent"] = (last.core - first.core - last.worker + first.worker) / seconds * 100
    return shares


async def streamed(bench: Bench, name: str) -> Figures:
    """CPU per token of streamed answers, as many in flight as set; the records of the topic are the tokens."""
    model = f"mock-t{bench.tokens}-i{bench.interval_ms}-f{bench.interval_ms}"
    count = int(bench.calls_per_second * bench.enough_seconds) + bench.in_flight
    first, last = await _window(bench, name, model, count, stream=True)
    # Ours adds a start and an end record to each answer.
    around = 2 * (last.completed - first.completed) if name in ("streamproc", "no-wait") else 0
    tokens = last.records - first.records - around
    seconds = last.at - first.at
    return {
        "cpu_per_token_us": (last.worker - first.worker) / tokens * 1e6,
        "tokens_per_s": tokens / seconds,
        "provider_tokens_per_s": (last.tokens - first.tokens) / seconds,
        **_shares(first, last),
    }


async def whole(bench: Bench, name: str) -> Figures:
    """CPU per answer that is not streamed, 20 tokens after half a second."""
    count = int(bench.in_flight * 2 * bench.enough_seconds) + bench.in_flight
    first, last = await _window(bench, name, "mock-t20-i0-f500", count, stream=False)
    completed = last.completed - first.completed
    return {
        "cpu_per_request_us": (last.worker - first.worker) / completed * 1e6,
        "requests_per_s": completed / (last.at - first.at),
        **_shares(first, last),
    }


async def first_token(bench: Bench, name: str) -> Figures:
    """Time from producing a request to reading its first token, less the provider's 50 ms; 50 requests/s."""
    rate, tokens, provider_seconds = 50.0, 20, 0.05
    model = f"mock-t{tokens}-i20-f50"
    topics = await bench.topics(name)
    async with bench.worker(name, topics, model, bench.in_flight), receive(bench.bootstrap, topics) as received:
        # The worker is ready when it has answered something.
        await produce(bench.bootstrap, topics, model=model, count=_PARTITIONS)
        async with asyncio.timeout(60):
            while received.results.total() < _PARTITIONS:  # noqa: ASYNC110 records come from another process
                await asyncio.sleep(0.05)
        received.results.clear()
        received.tokens.clear()
        received.first_token_at.clear()
        count = int(rate * (bench.warm_up_seconds + bench.window_seconds))
        sent = await produce(bench.bootstrap, topics, model=model, count=count, rate_per_second=rate)
        async with asyncio.timeout(30):
            while received.results.total() < count:  # noqa: ASYNC110 as above
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)  # chunks behind the last result, if a worker orders them so
    if faults := received.faults(sent, tokens):
        print(f"    {name}: {', '.join(faults)}")
    measured = list(sent)[int(rate * bench.warm_up_seconds) :]
    added = [
        received.first_token_at[key] - sent[key] - provider_seconds
        for key in measured
        if key in received.first_token_at
    ]
    return {"first_token_p50_ms": quantile(added, 0.5) * 1000, "first_token_p99_ms": quantile(added, 0.99) * 1000}


async def memory(bench: Bench, name: str) -> Figures:
    """Resident memory for each open stream, from the difference between 100 and 1,500 of them."""
    few, many = 100, 1500
    model = "mock-t1000-i60000-f10"
    topics = await bench.topics(name)
    async with bench.worker(name, topics, model, many + 100) as process:
        kilobytes = []
        for count, open_streams in ((few, few), (many - few, many)):
            await produce(bench.bootstrap, topics, model=model, count=count)
            await bench.until_running(lambda running, wanted=open_streams: running == wanted)  # type: ignore[misc]
            await asyncio.sleep(3)
            kilobytes.append(resident_kilobytes(process.pid))
    return {
        "memory_per_stream_kb": (kilobytes[1] - kilobytes[0]) / (many - few),
        "memory_at_100_mb": kilobytes[0] / 1024,
    }


SCENARIOS: dict[str, Callable[[Bench, str], Awaitable[Figures]]] = {
    "streamed": streamed,
    "whole": whole,
    "first-token": first_token,
    "memory": memory,
}
