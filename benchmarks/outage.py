"""An outage on real processes: the provider answers 503 to every call for a while, then it is back.

    python -m benchmarks.outage

Requests come at an even rate before, during and after it, and as many for a second provider, which stays well. Printed
are the calls that were made for each request, how soon the full rate was there again, what became of the requests, and
how soon the second provider's first tokens came before the outage and in it, and a picture of it, second by second;
`--timeline FILE` writes what it is drawn from as JSON. The broker is Apache Kafka; where Java is missing it is the
embedded one.
"""

import argparse
import asyncio
import json
import math
import secrets
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.broker import running_broker
from benchmarks.load import Topics, produce, quantile, receive
from benchmarks.timeline import picture
from tests.e2e.workplace import MOCK, Mock, Workplace, mock_provider

__all__ = ["Outage", "Seen", "play"]

_MODEL = "mock-t20-i10-f50"
_WELL = """
[providers.well]
base_url = "{url}"
models = ["{model}"]
prices."{model}" = {{ input_usd = 1.0, output_usd = 2.0 }}
"""
_PARTITIONS = 4
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Outage:
    """Seconds before, during and after it, and requests per second; `well_rate` are those for the other provider."""

    before: float
    seconds: float
    after: float
    rate: float
    well_rate: float = 0.0

    @property
    def requests(self) -> int:
        """All of them."""
        return int((self.before + self.seconds + self.after) * self.rate)


@dataclass(slots=True)
class Seen:
    """What came of it. Times are seconds after the first request; `begun` is when the outage began.

    `results` are arrivals of completed results, `calls` how many the provider had counted at which time, `well` when
    requests for the other provider were sent and how long their first tokens took.
    """

    requests: int
    begun: float = 0.0
    ended: float = 0.0
    results: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    calls: list[tuple[float, int]] = field(default_factory=list)
    well: list[tuple[float, float]] = field(default_factory=list)

    def well_p99_ms(self, begin: float, end: float) -> float | None:
        """p99 of the other provider's first tokens, of requests sent between these times; None: there were none."""
        waits = [wait for at, wait in self.well if begin <= at < end]
        return quantile(waits, 0.99) * 1000 if waits else None

    @property
    def calls_per_request(self) -> float:
        """Every call counts that the provider answered, with whatever."""
        return self.calls[-1][1] / self.requests

    def back_after(self, rate: float) -> float | None:
        """Seconds after the outage's end until results came at the full rate, over one second; None: never."""
        for at in sorted(self.results):
            if at >= self.ended and sum(at <= one < at + 1 for one in self.results) >= rate:
                return at - self.ended
        return None

    def timeline(self) -> list[dict[str, float]]:
        """For each second: requests are even; calls that were made and results that came."""
        made, last = Counter[int](), 0
        for at, total in self.calls:
            made[math.floor(at)] += total - last
            last = total
        came = Counter(math.floor(at) for at in self.results)
        return [{"second": at, "calls": made[at], "results": came[at]} for at in range(max({*made, *came}) + 1)]


def play(outage: Outage, bootstrap: str, folder: Path, settings: str = "") -> Seen:
    """Plays it with one worker; `settings` is more TOML for it."""
    prefix = f"outage{secrets.token_hex(3)}"
    (folder / "well").mkdir()
    with mock_provider(folder, "--seed", "1") as mock, mock_provider(folder / "well") as well:
        more = MOCK.format(url=mock.url, model=_MODEL) + _WELL.format(url=well.url, model=_MODEL) + settings
        with Workplace(folder, bootstrap, prefix, more, partitions=_PARTITIONS) as place:
            place.start_worker().wait_until_ready()
            return asyncio.run(_play(outage, mock, place))


async def _play(outage: Outage, mock: Mock, place: Workplace) -> Seen:
    seen = Seen(outage.requests)
    topics = Topics(place.topic("requests"), place.topic("chunks"), place.topic("results"), _PARTITIONS)
    start = time.monotonic()
    tasks = [
        asyncio.create_task(
            produce(place.bootstrap, topics, model=_MODEL, count=outage.requests, rate_per_second=outage.rate)
        ),
        asyncio.create_task(_read(place, seen, start)),
        asyncio.create_task(_break(outage, mock, seen, start)),
        asyncio.create_task(_look_at_the_other(outage, place, topics, seen, start)),
    ]
    counting = asyncio.create_task(_count(mock, seen, start))
    try:
        async with asyncio.timeout(outage.requests / outage.rate + _PATIENCE_SECONDS):
            await asyncio.gather(*tasks)
    finally:
        for task in (*tasks, counting):
            task.cancel()
        await asyncio.gather(*tasks, counting, return_exceptions=True)
    seen.calls.append((time.monotonic() - start, (await asyncio.to_thread(mock.stats))["requests"]))
    return seen


async def _break(outage: Outage, mock: Mock, seen: Seen, start: float) -> None:
    await asyncio.sleep(outage.before)
    await asyncio.to_thread(mock.fail, outage.seconds)
    seen.begun = time.monotonic() - start
    seen.ended = seen.begun + outage.seconds


async def _look_at_the_other(outage: Outage, place: Workplace, topics: Topics, seen: Seen, start: float) -> None:
    count = int((outage.before + outage.seconds) * outage.well_rate)
    if not count:
        return
    async with receive(place.bootstrap, topics) as received:
        model, rate = f"well/{_MODEL}", outage.well_rate
        sent = await produce(place.bootstrap, topics, model=model, count=count, rate_per_second=rate, name="well")
        while sent.keys() - received.first_token_at.keys():  # noqa: ASYNC110 records come from another process
            await asyncio.sleep(0.05)
        seen.well += [(at - start, received.first_token_at[key] - at) for key, at in sent.items()]


async def _count(mock: Mock, seen: Seen, start: float) -> None:
    while True:
        figures = await asyncio.to_thread(mock.stats)
        seen.calls.append((time.monotonic() - start, figures["requests"]))
        await asyncio.sleep(0.25)


async def _read(place: Workplace, seen: Seen, start: float) -> None:
    async with AIOKafkaConsumer(bootstrap_servers=place.bootstrap, isolation_level="read_committed") as consumer:
        consumer.assign([TopicPartition(place.topic("results"), number) for number in range(_PARTITIONS)])
        await consumer.seek_to_beginning()
        while seen.statuses.total() < seen.requests:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                at = time.monotonic() - start
                for record in records:
                    if record.key.startswith(b"well-"):
                        continue
                    status = orjson.loads(record.value)["status"]
                    seen.statuses[status] += 1
                    if status == "completed":
                        seen.results.append(at)


def main() -> None:
    """Reads the command line and prints the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.outage", description=__doc__)
    parser.add_argument("--bootstrap", help="a cluster that runs already")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the provider is away")
    parser.add_argument("--rate", type=float, default=50.0, help="requests per second")
    parser.add_argument("--timeline", type=Path, help="a file for what happened in each second")
    asked = parser.parse_args()
    outage = Outage(asked.seconds, asked.seconds, 15.0, asked.rate, asked.rate)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_broker(asked.bootstrap, folder) as broker:
            seen = play(outage, broker.bootstrap, folder)
    back = seen.back_after(outage.rate)
    print(f"broker: {broker.name}; {outage.requests} requests at {outage.rate:g}/s, away for {outage.seconds:g} s")
    print(f"calls / requests       {seen.calls_per_request:.3f}")
    print(f"full rate again after  {'never' if back is None else f'{back:.2f} s'}")
    print(f"results                {dict(seen.statuses)}")
    for name, begin in (("before", 0.0), ("in", seen.begun)):
        p99 = seen.well_p99_ms(begin, begin + outage.seconds)
        print(f"the other's first token, p99 {name} the outage: {'none' if p99 is None else f'{p99:.1f} ms'}")
    told = {"outage": asdict(outage), "begun": seen.begun, "ended": seen.ended, "seconds": seen.timeline()}
    print(picture(told))
    if asked.timeline is not None:
        asked.timeline.write_text(json.dumps(told), encoding="utf-8")
    sys.exit(seen.statuses.keys() != {"completed"})


if __name__ == "__main__":
    main()
