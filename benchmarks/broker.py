"""The broker of a benchmark: one that runs already, Apache Kafka, or where Java is missing the embedded one."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from tests.servers.kafka import Broker
from tests.servers.kafka_install import VERSION
from tests.servers.network import wait_until
from tests.servers.process import Process, ServerMissing

__all__ = ["LASTING", "Running", "running_broker"]

LASTING = (
    *("-XX:TieredStopAtLevel=4", "-XX:CompileThresholdScaling=0.1"),
    *("-XX:-UseSerialGC", "-XX:+UseZGC", "-Xms2g", "-Xmx2g", "-XX:+AlwaysPreTouch"),
)
"""Options of Java where latencies are measured, unlike those for a quick start.

As in production both compilers work, and here sooner than after hours. The collector is one that does not stop the
broker: on a core that it shares, a pause of 20 to 60 ms every other second is the 99th percentile of every worker.
"""


class Running(NamedTuple):
    """Where it is, its process when it is ours, and what to call it beside the figures."""

    bootstrap: str
    pid: int | None
    name: str

    def pin(self, core: int) -> None:
        """Puts all its threads on this core, when it is ours; those that it will have stay there, too."""
        pinned: set[str] = set()
        # A thread that was not there yet may be the child of one that was not pinned yet: until there is none.
        while self.pid is not None and (found := {*os.listdir(f"/proc/{self.pid}/task")} - pinned):  # noqa: PTH208 names
            for thread in found:
                with suppress(ProcessLookupError):  # it has ended
                    os.sched_setaffinity(int(thread), {core})
            pinned |= found


@contextmanager
def running_broker(
    bootstrap: str | None, folder: Path, java_options: tuple[str, ...] | None = None
) -> Iterator[Running]:
    """The cluster at this address, or a broker that ends with the block; it starts quickly without other options."""
    if bootstrap is not None:
        yield Running(bootstrap, None, bootstrap)
        return
    try:
        kafka = Broker(java_options=java_options)
    except ServerMissing as missing:
        print(f"No Apache Kafka here ({missing}): the embedded broker stands in, and its CPU is not Kafka's.")
        yield from _embedded(folder / "broker.log")
        return
    with kafka:
        yield Running(kafka.bootstrap, kafka.process.pid, f"Apache Kafka {VERSION}")


def _embedded(log: Path) -> Iterator[Running]:
    process = Process((sys.executable, "-m", "streamproc.embedded", "--port", "0"), log)
    try:
        wait_until(lambda: b"\n" in log.read_bytes(), process, "the embedded broker")
        (address,) = re.findall(r"Kafka protocol at (\S+):", log.read_text())
        yield Running(address, process.pid, "embedded")
    finally:
        process.kill()
