"""A backlog by hand: memory and lag of one worker over time, a stop in the middle, and what the restart repeated.

python -m benchmarks.backlog                      50,000 requests, 500 at a time, on a broker just for this run
python -m benchmarks.backlog --count 5000 --in-flight 200
"""

import argparse
import secrets
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.e2e.backlog import MODEL, Sample, fill, watch
from tests.e2e.records import read_topic, result_counts
from tests.e2e.workplace import MOCK, Workplace, mock_provider
from tests.servers.kafka import Broker
from tests.servers.process import ServerMissing

_PATIENCE_SECONDS = 30


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap", help="a running cluster; default: a broker just for this run")
    parser.add_argument("--count", type=int, default=50_000, help="waiting requests (default %(default)s)")
    parser.add_argument("--in-flight", type=int, default=500, help="calls in flight (default %(default)s)")
    parser.add_argument("--partitions", type=int, default=8)
    return parser.parse_args()


def _work_off(place: Workplace, down_to: int) -> list[Sample]:
    """One worker from its start to its stop; prints a line a second."""
    worker = place.start_worker().wait_until_ready()
    samples: list[Sample] = []
    shown = -1
    over = watch(worker, lambda now: now.lag <= down_to, every_seconds=0.2, patience_seconds=_PATIENCE_SECONDS)
    for sample in over:
        samples.append(sample)
        if int(sample.seconds) > shown:
            shown = int(sample.seconds)
            print(
                f"{sample.seconds:6.1f} s  {sample.resident_megabytes:6.0f} MB  lag {sample.lag:7,}"
                f"  in flight {sample.in_flight:4}",
                flush=True,
            )
    begin = time.monotonic()
    code = worker.stop()
    print(f"stopped in {time.monotonic() - begin:.1f} s with exit code {code}", flush=True)
    return samples


def main() -> None:
    """Fills the topic, works half of it off, stops, works the rest off, and counts."""
    said = _arguments()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="streamproc-backlog-")))
        bootstrap = said.bootstrap or stack.enter_context(Broker()).bootstrap
        mock = stack.enter_context(mock_provider(folder))
        settings = MOCK.format(url=mock.url, model=MODEL) + f"[worker]\nmax_running = {said.in_flight}\n"
        prefix = f"backlog{secrets.token_hex(4)}"
        place = stack.enter_context(Workplace(folder, bootstrap, prefix, settings, partitions=said.partitions))
        fill(place, said.count)
        samples = [sample for down_to in (said.count // 2, 0) for sample in _work_off(place, down_to)]
        runs = {stored.run_id for stored in read_topic(bootstrap, place.topic("requests"))}
        counts = result_counts(bootstrap, place.topic("results"))
    resident = [sample.resident_megabytes for sample in samples]
    rates = [
        (earlier.lag - later.lag) / (later.seconds - earlier.seconds)
        for earlier, later in zip(samples, samples[25:], strict=False)
        if later.seconds > earlier.seconds
    ]
    print(
        f"{len(runs):,} requests, {said.in_flight} at a time: {min(resident):.0f} to {max(resident):.0f} MB resident,"
        f" {max(rates, default=0):,.0f} requests/s at best over 5 s;"
        f" {len(runs - counts.keys())} without a result, {counts.total() - len(counts)} results more than once"
    )
    sys.exit(0 if counts.keys() == runs else 1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except (ServerMissing, TimeoutError) as exc:
        sys.exit(f"benchmark stopped: {exc}")
