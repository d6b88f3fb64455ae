"""Compares the worker with a hand-written loop and a bare pump, in the same run: `make bench`.

The broker is Apache Kafka; where Java is missing it is the embedded one, in a process of its own, and the run says so.

The worker that is measured has core 0 for itself; Kafka, the mock provider and the load share core 1. Before the first
measurement the broker has all cores, and work for a minute, so that its compilers are mostly done. Each measurement
starts its worker anew on new topics, and the workers take turns (A B C A B C), so that what else the machine does hits
all of them. The message is in the ratios: absolute times belong to the machine.

The default load, 300 calls with a token every 20 ms, offers 15,000 tokens/s: what one core can carry with the pump and
with streamproc, so that both are measured at the same load. (At 500 calls the pump itself fills its core.) The
hand-written loop keeps up with neither; its CPU per token is that of the tokens it did deliver. `tokens_per_s` beside
`provider_tokens_per_s`, and the shares of the cores, say whether anything but the worker was the limit.
"""

import argparse
import asyncio
import json
import logging
import os
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.broker import LASTING, running_broker
from benchmarks.measure import stats
from benchmarks.report import Results, disturbances, rendered, summary
from benchmarks.scenarios import SCENARIOS, Bench
from benchmarks.workers import WORKERS
from streamproc.settings.worker import ChunkSettings
from tests.servers.network import free_ports, wait_until
from tests.servers.process import Process, ServerMissing

_WARM_SECONDS = 60.0


def arguments() -> Any:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bootstrap", help="a running cluster; default: a broker just for this run")
    parser.add_argument(
        "--only", action="append", choices=[*SCENARIOS, *WORKERS], help="scenarios or workers; repeatable"
    )
    parser.add_argument("--repeat", type=int, help="measurements of each figure (default 3, quick 1)")
    parser.add_argument("--quick", action="store_true", help="one short measurement of each figure")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--in-flight", type=int, default=300, help="calls in flight (default %(default)s)")
    parser.add_argument("--tokens", type=int, default=100, help="tokens of a streamed answer (default %(default)s)")
    parser.add_argument("--interval-ms", type=int, default=20, help="between two tokens (default %(default)s)")
    return parser.parse_args()


def cores() -> tuple[int, int] | None:
    """The worker's core and that of all others; None on a machine with one."""
    found = sorted(os.sched_getaffinity(0))
    if len(found) < 2:
        print("This machine has one core: nothing is pinned, and all figures include the others' disturbance.")
        return None
    return found[0], found[1]


def mock_provider(folder: Path) -> tuple[Process, str]:
    """Starts the mock provider; gives its process and its base URL."""
    (port,) = free_ports(1)
    process = Process((sys.executable, "-m", "benchmarks.provider", str(port)), folder / "mock.log")
    base_url = f"http://127.0.0.1:{port}/v1"

    def is_ready() -> bool:
        try:
            return "requests" in stats(base_url)
        except OSError:
            return False

    wait_until(is_ready, process, "the mock provider")
    return process, base_url


async def warm(bench: Bench, seconds: float) -> None:
    """Gives the broker all kinds of work, for so long: its compilers are mostly done then."""
    await SCENARIOS["first-token"](replace(bench, window_seconds=seconds), "streamproc")


async def measure(bench: Bench, scenarios: list[str], workers: list[str], repeat: int) -> Results:
    """Takes all measurements, the workers in turns."""
    results: Results = {scenario: {worker: [] for worker in workers} for scenario in scenarios}
    for scenario in scenarios:
        for number in range(repeat):
            for worker in workers:
                if worker == "no-wait" and scenario != "first-token":
                    continue  # the wait costs time, and next to no work
                figures = await SCENARIOS[scenario](bench, worker)
                results[scenario][worker].append(figures)
                shown = "  ".join(f"{name} {value:,.1f}" for name, value in figures.items())
                print(f"  {scenario} {number + 1}/{repeat} {worker}: {shown}", flush=True)
    return results


def main() -> None:
    """Starts the servers, measures, prints the table and ends the servers, also when it is interrupted."""
    said = arguments()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it warns of retries while a new topic finds its leader
    only = said.only or []
    scenarios = [name for name in SCENARIOS if name in only] or list(SCENARIOS)
    workers = [name for name in WORKERS if name in only] or list(WORKERS)
    placement = cores()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="streamproc-bench-")))
        broker = stack.enter_context(running_broker(said.bootstrap, folder, LASTING))
        if placement is not None:
            os.sched_setaffinity(0, {placement[1]})  # and so all children but the broker
        mock, base_url = mock_provider(folder)
        stack.callback(mock.kill)
        bench = Bench(
            bootstrap=broker.bootstrap,
            base_url=base_url,
            folder=folder,
            kafka_pid=broker.pid,
            mock_pid=mock.pid,
            worker_core=None if placement is None else placement[0],
            in_flight=said.in_flight,
            tokens=said.tokens,
            interval_ms=said.interval_ms,
            warm_up_seconds=3 if said.quick else 5,
            window_seconds=5 if said.quick else 10,
        )
        repeat = said.repeat or (1 if said.quick else 3)
        setup = {
            "broker": broker.name,
            "placement": "nothing pinned" if placement is None else f"worker alone on core {placement[0]}",
            "http_engine": "streamproc's own on httptools (the pump: its bare connections)",
            "coalescing": "off",
            "linger_ms": f"{ChunkSettings().linger_seconds * 1000:g} (streamproc's own; the pump and the loop: 0)",
            "in_flight": said.in_flight,
            "tokens_per_answer": said.tokens,
            "interval_ms": said.interval_ms,
            "repeats": repeat,
            "seconds_measured": bench.window_seconds,
        }
        print(", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in setup.items()))
        print(f"offered: {said.in_flight * 1000 / said.interval_ms:,.0f} tokens/s")
        if broker.pid is not None:
            print("the broker warms up")
            asyncio.run(warm(bench, _WARM_SECONDS / (3 if said.quick else 1)))
        if placement is not None:
            broker.pin(placement[1])
        results = asyncio.run(measure(bench, scenarios, workers, repeat))
    print(rendered(results))
    if disturbed := disturbances(results):
        print("The machine was not quiet, so read these with care:", *disturbed, sep="\n  ")
    if said.json:
        content = {"setup": setup, "figures": summary(results), "measurements": results}
        said.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except (ServerMissing, RuntimeError) as exc:
        sys.exit(f"benchmark stopped: {exc}")
