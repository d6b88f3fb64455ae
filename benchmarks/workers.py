"""The workers that are compared: how each is started on the same topics and the same provider."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.load import Topics

__all__ = ["WORKERS", "Job"]


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is to do; `folder` is for its settings and its output."""

    bootstrap: str
    base_url: str
    topics: Topics
    model: str
    in_flight: int
    folder: Path


def _loop(module: str) -> Callable[[Job], list[str]]:
    def command(job: Job) -> list[str]:
        topics = job.topics
        return [
            *(sys.executable, "-m", module, "--bootstrap", job.bootstrap, "--group", topics.requests),
            *("--requests", topics.requests, "--chunks", topics.chunks, "--results", topics.results),
            *("--base-url", job.base_url, "--in-flight", str(job.in_flight)),
        ]

    return command


def _streamproc(job: Job, *, waits: bool = True) -> list[str]:
    topics = job.topics
    settings = job.folder / f"{topics.requests}.toml"
    settings.write_text(
        f"""\
sources = [{{ topic = "{topics.requests}" }}]

[kafka]
bootstrap_servers = "{job.bootstrap}"
group = "{topics.requests}"
start_without_offset = "earliest"

[topics]
chunks = "{topics.chunks}"
results = "{topics.results}"
usage = "{topics.results}-usage"
dead = "{topics.results}-dead"
journal = "{topics.results}-journal"
deferred = "{topics.results}-deferred"
control = "{topics.results}-control"
alerts = "{topics.results}-alerts"
partitions = {topics.partitions}

[worker]
max_running = {job.in_flight}
wait_for_journal = {str(waits).lower()}

[chunks]
coalesce = false

[providers.mock]
base_url = "{job.base_url}"
models = ["{job.model}"]
max_connections = {job.in_flight}
prices."{job.model}" = {{ input_usd = 1.0, output_usd = 2.0 }}
timeouts = {{ first_byte_seconds = 600, idle_seconds = 600, total_seconds = 600 }}

[observe]
metrics_port = 0
log_level = "warning"
""",
        encoding="utf-8",
    )
    return [sys.executable, "-m", "streamproc", "run", "-c", str(settings)]


WORKERS: dict[str, Callable[[Job], list[str]]] = {
    "hand": _loop("benchmarks.hand_written"),
    "pump": _loop("benchmarks.pump"),
    "streamproc": _streamproc,
    "no-wait": partial(_streamproc, waits=False),
}
"""Name of each worker and the command that starts it; the pump is what ratios refer to.

`no-wait` is streamproc whose calls do not wait for their journal notes: the difference is what that wait adds.
"""
