"""Isolation on real processes: how soon a quiet tenant has its first tokens, alone and beside a route that hangs.

    python -m benchmarks.isolation

Requests of the quiet tenant come at an even rate, first alone. Then another tenant puts thousands of requests for
another route on the same topic: its answers take ten seconds, and one call in twenty hangs until it is cut after 60.
The same worker answers both. Printed are the first tokens of the quiet tenant in both halves, and how busy the machine
was. The broker is Apache Kafka; where Java is missing it is the embedded one.
"""

import argparse
import asyncio
import os
import secrets
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.broker import running_broker
from benchmarks.load import Received, Topics, produce, quantile, receive
from benchmarks.measure import busy_seconds, cpu_seconds
from tests.e2e.workplace import MOCK, Mock, Worker, Workplace, mock_provider

__all__ = ["Half", "Isolation", "Seen", "play"]

_QUIET = "mock-t20-i10-f50"
_SLOW = "mock-t5-i2000-f2000"
_MORE = """
[worker]
max_running = {slots}

[providers.slow]
base_url = "{url}"
models = ["{model}"]
prices."{model}" = {{ input_usd = 1.0, output_usd = 2.0 }}
"""
_PARTITIONS = 4
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Isolation:
    """Requests of the quiet tenant in each half and per second, those of the noisy one, slots of the worker.

    For `warm_seconds` requests are not counted.
    """

    samples: int
    rate: float
    noise: int
    slots: int
    warm_seconds: float = 3.0


@dataclass(frozen=True, slots=True)
class Half:
    """First tokens of the quiet tenant in seconds, requests that lack something, and how busy worker and cores were."""

    waits: list[float]
    missing: int
    worker_busy: float
    cores_busy: tuple[float, ...]

    def __str__(self) -> str:
        cores = ", ".join(f"{core:.0%}" for core in self.cores_busy)
        return (
            f"p50 {quantile(self.waits, 0.5) * 1000:6.1f} ms, p99 {quantile(self.waits, 0.99) * 1000:6.1f} ms"
            f" (worker {self.worker_busy:.0%} of a core, cores {cores})"
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """Both halves; calls of the slow route when the second began, and what of the noise had no result at its end."""

    alone: Half
    beside: Half
    slow_calls: int
    waiting: int

    @property
    def ratio(self) -> float:
        """p99 beside the noise, in parts of the one alone."""
        return quantile(self.beside.waits, 0.99) / quantile(self.alone.waits, 0.99)


def play(isolation: Isolation, bootstrap: str, folder: Path) -> Seen:
    """Plays it with one worker."""
    prefix = f"isolation{secrets.token_hex(3)}"
    (folder / "slow").mkdir()
    with mock_provider(folder) as mock, mock_provider(folder / "slow", "--seed", "1", "--fault", "silent:0.05") as slow:
        more = _MORE.format(slots=isolation.slots, url=slow.url, model=_SLOW)
        settings = MOCK.format(url=mock.url, model=_QUIET) + more
        with Workplace(folder, bootstrap, prefix, settings, partitions=_PARTITIONS) as place:
            return asyncio.run(_play(isolation, place, place.start_worker().wait_until_ready(), slow))


async def _play(isolation: Isolation, place: Workplace, worker: Worker, slow: Mock) -> Seen:
    topics = Topics(place.topic("requests"), place.topic("chunks"), place.topic("results"), _PARTITIONS)
    async with receive(place.bootstrap, topics) as received:
        warm = int(isolation.warm_seconds * isolation.rate)
        await produce(place.bootstrap, topics, model=_QUIET, count=warm, rate_per_second=isolation.rate, name="warm")
        alone = await _half(isolation, place, topics, worker, received, "alone")
        noise = await produce(
            place.bootstrap, topics, model=_SLOW, count=isolation.noise, name="noise", tenant="noisy", stream=False
        )
        calls = await _settled(slow)
        beside = await _half(isolation, place, topics, worker, received, "beside")
        return Seen(alone, beside, calls, sum(not received.results[key] for key in noise))


async def _settled(slow: Mock) -> int:
    """Waits until the slow route has all the slots that it gets; gives how many."""
    calls, limit = -1, time.monotonic() + _PATIENCE_SECONDS
    while (now := (await asyncio.to_thread(slow.stats))["running"]) > calls and time.monotonic() < limit:
        calls = now
        await asyncio.sleep(1)
    return calls


async def _half(
    isolation: Isolation, place: Workplace, topics: Topics, worker: Worker, received: Received, name: str
) -> Half:
    cores = range(os.cpu_count() or 1)
    began, worked = time.monotonic(), cpu_seconds(worker.process.pid)
    busy = [busy_seconds(core) for core in cores]
    sent = await produce(
        place.bootstrap,
        topics,
        model=_QUIET,
        count=isolation.samples,
        rate_per_second=isolation.rate,
        name=name,
        tenant="quiet",
    )
    seconds = time.monotonic() - began
    worker_busy = (cpu_seconds(worker.process.pid) - worked) / seconds
    cores_busy = tuple((busy_seconds(core) - before) / seconds for core, before in zip(cores, busy, strict=True))
    for _ in range(int(_PATIENCE_SECONDS * 10)):
        if all(received.results[key] for key in sent):
            break
        await asyncio.sleep(0.1)
    waits = [received.first_token_at[key] - at for key, at in sent.items() if key in received.first_token_at]
    missing = sum(key not in received.first_token_at or not received.results[key] for key in sent)
    return Half(waits, missing, worker_busy, cores_busy)


def main() -> None:
    """Reads the command line and prints the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.isolation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bootstrap", help="a cluster that runs already")
    parser.add_argument("--samples", type=int, default=5000, help="requests of the quiet tenant in each half")
    parser.add_argument("--rate", type=float, default=50.0, help="of them per second")
    parser.add_argument("--noise", type=int, default=10_000, help="requests of the noisy tenant")
    parser.add_argument("--slots", type=int, default=500, help="worker.max_running")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_broker(asked.bootstrap, folder) as broker:
            seen = play(Isolation(asked.samples, asked.rate, asked.noise, asked.slots), broker.bootstrap, folder)
    print(f"broker: {broker.name}; {asked.samples} requests at {asked.rate:g}/s in each half, {asked.slots} slots")
    print(f"first token alone      {seen.alone}")
    print(f"first token beside     {seen.beside}")
    print(f"p99 beside / alone     {seen.ratio:.2f}")
    print(f"the slow route         {seen.slow_calls} calls at a time; {seen.waiting} of {asked.noise} still wait")
    sys.exit(bool(seen.ratio > 1.5 or seen.alone.missing or seen.beside.missing))


if __name__ == "__main__":
    main()
