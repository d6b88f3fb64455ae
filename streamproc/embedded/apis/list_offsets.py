"""ListOffsets: where a partition begins and ends, and where a time is in it."""

from typing import Any

from aiokafka.protocol.offset import OffsetRequest_v3

from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.codes import Code
from streamproc.embedded.log import PartitionLog

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "ListOffsets"
REQUESTS = (OffsetRequest_v3,)

_LATEST, _EARLIEST = -1, -2
_NOWHERE = (-1, -1)


async def answer(cluster: Cluster, client: Client, request: OffsetRequest_v3) -> tuple[Any, ...]:
    """Throttle time; each partition with code, timestamp and offset."""
    del client
    committed = request.isolation_level == 1
    return 0, [
        (
            topic,
            [
                (partition, *_find(cluster, topic, partition, timestamp, committed=committed))
                for partition, timestamp in partitions
            ],
        )
        for topic, partitions in request.topics
    ]


def _find(cluster: Cluster, topic: str, partition: int, timestamp: int, *, committed: bool) -> tuple[Code, int, int]:
    fault = cluster.faults.code(NAME, topic, partition)
    if fault is not None:
        return fault, *_NOWHERE
    log = cluster.topics.log(topic, partition)
    if log is None:
        return Code.UNKNOWN_TOPIC_OR_PARTITION, *_NOWHERE
    if timestamp in {_EARLIEST, _LATEST}:
        return Code.NONE, -1, log.start if timestamp == _EARLIEST else log.visible_end(committed=committed)
    if timestamp < 0:
        return Code.UNSUPPORTED_VERSION, *_NOWHERE  # later versions have more such names
    try:
        return Code.NONE, *_at(log, timestamp, committed=committed)
    except Exception:  # noqa: BLE001 each codec fails in its own way on bytes that are none of its own
        return Code.CORRUPT_MESSAGE, *_NOWHERE


def _at(log: PartitionLog, timestamp: int, *, committed: bool) -> tuple[int, int]:
    """Timestamp and offset of the first record not before a time, as far as this reader sees."""
    found = log.find_time(timestamp)
    return found if found and found[1] < log.visible_end(committed=committed) else _NOWHERE
