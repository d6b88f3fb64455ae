"""The brokers under test, and what can be done to them: all three kinds look the same to the run."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Protocol

from tests.servers.embedded_program import AWAY_SECONDS
from tests.servers.kafka import Broker
from tests.servers.kafka_cluster import COPIES, KafkaCluster
from tests.servers.network import wait_until
from tests.servers.process import Process

__all__ = ["BrokerKind", "Cluster", "running_cluster"]

BrokerKind = Literal["kafka", "kafka3", "embedded"]


class Cluster(Protocol):
    """A cluster that runs.

    Attributes:
        bootstrap: addresses for clients.
        copies: of each partition.
    """

    bootstrap: str
    copies: int

    async def restart(self, pick: float, seconds: float) -> str:
        """Takes a broker down and, after so many seconds, brings it back; says in words what was done."""
        ...

    async def stand_still(self, pick: float, seconds: float) -> None:
        """A broker answers nobody for so long; connections stay open."""
        ...


class _Kafka:
    """One broker or three. A restart is a SIGKILL, and every other one of a single broker a controlled shutdown."""

    def __init__(self, brokers: list[Broker], bootstrap: str) -> None:
        self._brokers = brokers
        self._restarts = 0
        self._busy = asyncio.Lock()  # one fault after the other: who is down cannot stand still
        self.bootstrap = bootstrap
        self.copies = len(brokers)

    async def restart(self, pick: float, seconds: float) -> str:
        number = int(pick * len(self._brokers))
        broker = self._brokers[number]
        async with self._busy:
            self._restarts += 1
            is_gentle = self.copies == 1 and self._restarts % 2 == 0
            if is_gentle:
                await asyncio.to_thread(broker.stop)
            else:
                broker.kill()
            await asyncio.sleep(seconds)
            broker.launch()
            await asyncio.to_thread(broker.wait_until_ready)
        return f"broker {number + 1} {'stopped' if is_gentle else 'killed'} and started"

    async def stand_still(self, pick: float, seconds: float) -> None:
        broker = self._brokers[int(pick * len(self._brokers))]
        async with self._busy:
            broker.pause()
            try:
                await asyncio.sleep(seconds)
            finally:
                broker.resume()


class _Embedded:
    """The embedded broker in a process of its own. It cannot come back with its data, so its network goes away."""

    copies = 1

    def __init__(self, process: Process, bootstrap: str) -> None:
        self._process = process
        self.bootstrap = bootstrap

    async def restart(self, pick: float, seconds: float) -> str:
        os.kill(self._process.pid, signal.SIGUSR1)
        await asyncio.sleep(AWAY_SECONDS)
        return "the broker hung up on everybody, and listens again"

    async def stand_still(self, pick: float, seconds: float) -> None:
        self._process.pause()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._process.resume()


@contextmanager
def running_cluster(kind: BrokerKind, folder: Path) -> Iterator[Cluster]:
    """Brokers just for this; they end with the block.

    Raises:
        ServerMissing: Apache Kafka is asked for, and cannot be had here.
    """
    if kind == "kafka":
        with Broker() as broker:
            yield _Kafka([broker], broker.bootstrap)
    elif kind == "kafka3":
        with KafkaCluster() as cluster:
            assert len(cluster.brokers) == COPIES
            yield _Kafka(cluster.brokers, cluster.bootstrap)
    else:
        log = folder / "broker.log"
        process = Process((sys.executable, "-m", "tests.servers.embedded_program"), log)
        try:
            wait_until(lambda: b"broker at" in log.read_bytes(), process, "The embedded broker")
            yield _Embedded(process, re.findall(r"broker at (\S+)", log.read_text(encoding="utf-8"))[0])
        finally:
            process.kill()
