"""The broker of a benchmark: one that runs already, Apache Kafka, or where Java is missing the embedded one."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.servers.kafka import Broker
from tests.servers.kafka_install import VERSION
from tests.servers.network import wait_until
from tests.servers.process import Process, ServerMissing

__all__ = ["Running", "running_broker"]


class Running(NamedTuple):
    """Where it is, its process when it is ours, and what to call it beside the figures."""

    bootstrap: str
    pid: int | None
    name: str


@contextmanager
def running_broker(bootstrap: str | None, folder: Path) -> Iterator[Running]:
    """The cluster at this address, or a broker that ends with the block."""
    if bootstrap is not None:
        yield Running(bootstrap, None, bootstrap)
        return
    try:
        kafka = Broker()
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
