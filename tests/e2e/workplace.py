"""One user's workplace: a settings file, topics of its own on the shared cluster, a mock provider and workers."""

import asyncio
import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from streamproc.kafka.topics import create_topics
from streamproc.settings.load import load_settings
from tests.e2e.program import Said, run, start
from tests.servers.network import wait_until

__all__ = ["MOCK", "Mock", "Worker", "Workplace", "mock_provider"]

MOCK = """
[providers.mock]
base_url = "{url}"
models = ["{model}", "mock-t3-i0-f0", "mock-free"]
prices."{model}" = {{ input_usd = 1.0, output_usd = 2.0 }}
prices."mock-t3-i0-f0" = {{ input_usd = 1.0, output_usd = 2.0 }}
"""
"""Settings of the mock provider; the model `mock-free` has no price."""

_SETTINGS = """
sources = [{{ topic = "{prefix}.requests" }}]

[kafka]
bootstrap_servers = "{bootstrap}"
group = "{prefix}"
start_without_offset = "earliest"

[topics]
chunks = "{prefix}.chunks"
results = "{prefix}.results"
usage = "{prefix}.usage"
dead = "{prefix}.dead"
journal = "{prefix}.journal"
deferred = "{prefix}.deferred"
control = "{prefix}.control"
admin = "{prefix}.admin"
alerts = "{prefix}.alerts"
partitions = {partitions}

[observe]
metrics_port = 0
"""


class Worker:
    """A running `streamproc run`; its log is in a file. Variables go before its settings."""

    def __init__(self, settings: Path, log: Path, **variables: str) -> None:
        self.log = log
        self.process = start("run", "--config", str(settings), output=log, **variables)

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The log's lines about one event; a last line that is still being written is left for the next look."""
        whole = self.log.read_bytes().rpartition(b"\n")[0].splitlines()
        found = (json.loads(line) for line in whole if line.startswith(b"{"))
        return [line for line in found if line["event"] == event]

    def get(self, path: str) -> str | None:
        """What the health port says, or None when it is not open or not ready."""
        serving = self.lines("serving metrics and health")
        if not serving:
            return None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{serving[0]['port']}{path}", timeout=5) as response:
                words: str = response.read().decode()
                return words
        except OSError:
            return None

    def wait_until_ready(self, patience_seconds: float = 30) -> Self:
        """Returns once it takes records."""
        wait_until(lambda: self.get("/readyz") is not None, self.process, "the worker", patience_seconds)
        return self

    def metric(self, name: str) -> float | None:
        """Sum of a metric over its labels; None when it has no value."""
        found = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", self.get("/metrics") or "", re.MULTILINE)
        return sum(float(value) for value in found) if found else None

    def stop(self, patience_seconds: float = 40) -> int:
        """SIGTERM; gives the exit code."""
        self.process.stop(patience_seconds)
        code = self.process.exit_code
        assert code is not None
        return code


class Mock:
    """A running `streamproc mock-provider`."""

    def __init__(self, log: Path, *options: str) -> None:
        self.process = start("mock-provider", "--port", "0", *options, output=log)
        wait_until(lambda: b"/v1;" in log.read_bytes(), self.process, "the mock provider")
        self.address = re.findall(r"serving http://(\S+)/v1;", log.read_text())[0]
        self.url = f"http://{self.address}/v1"

    def stats(self, *, calls: bool = False) -> dict[str, Any]:
        """What it served; with the list of the calls that ended, if asked for."""
        query = "?calls=1" if calls else ""
        with urllib.request.urlopen(f"http://{self.address}/stats{query}", timeout=10) as response:
            figures: dict[str, Any] = json.load(response)
        return figures

    def forget(self) -> None:
        """Counts from zero again."""
        urllib.request.urlopen(f"http://{self.address}/stats/reset", data=b"", timeout=10).close()

    def fail(self, seconds: float, status: int = 503) -> None:
        """From now on every call fails with this status, for so long."""
        target = f"http://{self.address}/outage?status={status}&seconds={seconds}"
        urllib.request.urlopen(target, data=b"", timeout=10).close()


@contextmanager
def mock_provider(folder: Path, *options: str) -> Iterator[Mock]:
    """A mock provider on a free port."""
    mock = Mock(folder / "mock.log", *options)
    try:
        yield mock
    finally:
        mock.process.kill()


class Workplace:
    """Commands and workers that share one settings file; workers end with the block."""

    def __init__(self, folder: Path, bootstrap: str, prefix: str, more: str = "", *, partitions: int = 4) -> None:
        self.folder = folder
        self.bootstrap = bootstrap
        self.prefix = prefix
        self.partitions = partitions
        self.settings = folder / "streamproc.toml"
        own = _SETTINGS.format(prefix=prefix, bootstrap=bootstrap, partitions=partitions)
        self.settings.write_text(own + more, encoding="utf-8")
        self._stack = ExitStack()
        self._workers = 0

    def __enter__(self) -> Self:
        # As `streamproc topics create` does, without half a second for one process more.
        asyncio.run(create_topics(load_settings(self.settings)))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def topic(self, role: str) -> str:
        """Name of the topic with this role: requests, chunks, results, usage, dead, journal, deferred, control."""
        return f"{self.prefix}.{role}"

    def say(self, *arguments: str, stdin: str = "", **variables: str) -> Said:
        """Runs a command here to its end; it finds the settings in its folder."""
        return run(*arguments, folder=self.folder, stdin=stdin, **variables)

    def start_worker(self, **variables: str) -> Worker:
        """Starts a worker with these variables, without waiting for it."""
        self._workers += 1
        worker = Worker(self.settings, self.folder / f"worker-{self._workers}.log", **variables)
        self._stack.callback(worker.process.kill)
        return worker
