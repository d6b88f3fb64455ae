"""Readings of processes, topics and the mock provider, from outside of what is measured."""

import asyncio
import json
import os
import urllib.request
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks.load import Topics

__all__ = ["busy_seconds", "cpu_seconds", "create_topics", "records_in", "resident_kilobytes", "stats"]

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, user and system, all threads; see proc(5)."""
    # The name of the program, in parentheses, may hold spaces: fields are counted behind it.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def busy_seconds(core: int) -> float:
    """Time a core was busy with anything since the machine started; see /proc/stat in proc(5)."""
    lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    user, nice, system, _idle, _wait, irq, softirq, steal = next(
        (int(ticks) for ticks in line.split()[1:9]) for line in lines if line.startswith(f"cpu{core} ")
    )
    return (user + nice + system + irq + softirq + steal) / _TICKS_PER_SECOND


def resident_kilobytes(pid: int) -> int:
    """Resident memory of a process in KB of 1,024 bytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0])


def stats(base_url: str) -> dict[str, Any]:
    """The mock provider's bill."""
    with urllib.request.urlopen(base_url.removesuffix("/v1") + "/stats", timeout=10) as response:  # noqa: S310 our own
        figures: dict[str, Any] = json.load(response)
    return figures


async def create_topics(bootstrap: str, topics: Topics) -> None:
    """Makes a worker's topics."""
    more = (f"{topics.results}-{role}" for role in ("usage", "dead", "journal", "deferred", "control", "alerts"))
    names = (topics.requests, topics.chunks, topics.results, *more)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, topics.partitions, 1) for name in names])
    finally:
        await admin.close()
    await asyncio.sleep(1)  # until every partition has its leader


async def records_in(consumer: AIOKafkaConsumer, topic: str, partitions: int) -> int:
    """Sum of the end offsets of a topic; for one without transactions that is the number of its records."""
    ends = await consumer.end_offsets([TopicPartition(topic, number) for number in range(partitions)])
    return sum(ends.values())
