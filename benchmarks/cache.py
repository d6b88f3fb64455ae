"""CPU of an answer from the cache beside that of a call: one worker, requests that differ, and then the same again.

    python -m benchmarks.cache                # on Apache Kafka, or else on the embedded broker
    python -m benchmarks.cache --count 5000 --bootstrap localhost:9092

A call brings 100 tokens, 20 ms apart, joined into chunks as by default. Read is the worker's own CPU time, from before
the requests are sent until all their results are there; everything counts, Kafka's client and the commits too.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.broker import running_broker
from benchmarks.load import Topics, produce, receive
from benchmarks.measure import cpu_seconds
from tests.contract.harness.waiting import eventually
from tests.e2e.workplace import MOCK, Mock, Worker, Workplace, mock_provider
from tests.servers.process import ServerMissing

_MODEL = "mock-t100-i20-f50"
_ALLOWED_SHARE = 1 / 5
_PARTITIONS = 4
_CACHE = "[cache]\nenabled = true\n"


def main() -> None:
    """Measures, prints, and fails when a hit costs more than it may."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap", help="a running cluster; default: a broker just for this run")
    parser.add_argument("--count", type=int, default=1000, help="requests of a turn (default %(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="turns of answers from the cache (default %(default)s)")
    said = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="streamproc-bench-")))
        broker = stack.enter_context(running_broker(said.bootstrap, folder))
        mock = stack.enter_context(mock_provider(folder))
        more = MOCK.format(url=mock.url, model=_MODEL) + _CACHE
        prefix = f"cache{secrets.token_hex(4)}"
        place = stack.enter_context(Workplace(folder, broker.bootstrap, prefix, more, partitions=_PARTITIONS))
        worker = place.start_worker().wait_until_ready()
        topics = Topics(place.topic("requests"), place.topic("chunks"), place.topic("results"), _PARTITIONS)
        figures = [
            asyncio.run(_turn(broker.bootstrap, topics, worker, mock, said.count)) for _ in range(1 + said.repeat)
        ]
        worker.stop()
    call, *hits = figures
    hit = min(hits)
    print(f"{said.count:,} requests on {broker.name}: {call:,.0f} µs of CPU for a call with 100 tokens")
    print(f"{hit:,.0f} µs for an answer from the cache, {hit / call:.2f} of it (wanted: {_ALLOWED_SHARE:.2f})")
    sys.exit(0 if hit <= call * _ALLOWED_SHARE else 1)


async def _turn(bootstrap: str, topics: Topics, worker: Worker, mock: Mock, count: int) -> float:
    """Microseconds of CPU for each request; all but those of the first turn are answered from the cache."""
    calls = mock.stats()["requests"]
    async with receive(bootstrap, topics) as received:
        before = cpu_seconds(worker.process.pid)
        await produce(bootstrap, topics, model=_MODEL, count=count)
        await eventually(lambda: received.results.total() >= count)
        spent = cpu_seconds(worker.process.pid) - before
    made = mock.stats()["requests"] - calls
    if made != (0 if calls else count):
        raise RuntimeError(f"{made} calls were made by {count} requests")
    return spent / count * 1e6


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except (ServerMissing, TimeoutError) as exc:
        sys.exit(f"benchmark stopped: {exc}")
