"""CPU per streamed event of a client alone: no Kafka, only sockets and parsing.

    python -m benchmarks.parsing                  # streamproc in all dialects, aiohttp alone, the official SDK
    python -m benchmarks.parsing --only streams   # 2,000 open streams in one process, and what one of them holds

200 streams of the mock provider bring an event each 40 ms. Every measurement is a process of its own, under uvloop
where it is installed; in the middle of its streams it reads its CPU time and counts its events. Connecting and
rendering are before that. Clients take turns, `--repeat` times.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.parsing_clients import OURS, SIDES
from benchmarks.run import mock_provider

__all__ = ["main"]

_ALLOWED_MORE_MICROSECONDS = 8  # than aiohttp alone
_ALLOWED_PART_OF_SDK = 1 / 6
_EVENTS = "events"
_STREAMS = "streams"


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", metavar="NAME", help=f"{_STREAMS}, {', '.join((*SIDES, *OURS))}")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--streams", type=int, default=200, help="at once, for CPU per event (default %(default)s)")
    parser.add_argument("--open", type=int, default=2000, help="at once, for memory (default %(default)s)")
    parser.add_argument("--interval-ms", type=int, default=40, help="between two events (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=3, help="of one measurement (default %(default)s)")
    said = parser.parse_args()
    names = said.only or [_STREAMS, *SIDES, *(name for name in OURS if name not in SIDES)]
    with tempfile.TemporaryDirectory(prefix="streamproc-bench-") as folder:
        mock, base_url = mock_provider(Path(folder))
        try:
            if _STREAMS in names:
                _print_memory(_measured("memory", base_url, said.open, 1000, said.seconds))
            figures: dict[str, list[float]] = {name: [] for name in names if name != _STREAMS}
            missed = set()
            for _ in range(said.repeat):
                for name, values in figures.items():
                    seen = _measured(name, base_url, said.streams, said.interval_ms, said.seconds)
                    values.append(seen["cpu_seconds"] / seen[_EVENTS] * 1e6)
                    if seen[_EVENTS] < 0.9 * said.streams * said.seconds * 1000 / said.interval_ms:
                        missed.add(name)
        finally:
            mock.kill()
    _print_events(figures, missed)


def _measured(name: str, base_url: str, streams: int, interval_ms: int, seconds: float) -> dict[str, float]:
    command = (sys.executable, "-m", "benchmarks.parsing_clients", name, base_url, str(streams), str(interval_ms))
    done = subprocess.run((*command, str(seconds)), stdout=subprocess.PIPE, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _print_memory(figures: dict[str, float]) -> None:
    print(
        f"{figures['open']:,.0f} streams open at once, {figures['failed']:,.0f} failed; "
        f"{figures['bytes'] / figures['open'] / 1024:.1f} KiB of resident memory for each, "
        f"process {figures['resident'] / 2**20:.0f} MiB"
    )


def _print_events(figures: dict[str, list[float]], missed: set[str]) -> None:
    for name, values in figures.items():
        late = "   could not keep up with the offered events" if name in missed else ""
        print(f"{name:<22}{median(values):>8.1f} µs per event{min(values):>10.1f} to {max(values):.1f}{late}")
    if figures.keys() >= set(SIDES):
        ours, bare, sdk = (median(figures[name]) for name in SIDES)
        print(f"streamproc - aiohttp = {ours - bare:+.1f} µs (wanted: at most {_ALLOWED_MORE_MICROSECONDS})")
        print(f"streamproc / SDK = 1/{sdk / ours:.1f} (wanted: at most 1/{1 / _ALLOWED_PART_OF_SDK:.0f})")


if __name__ == "__main__":
    main()
