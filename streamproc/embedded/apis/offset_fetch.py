"""OffsetFetch: the committed offsets of a group, those of the partitions asked for or all."""

from typing import Any

from aiokafka.protocol.commit import OffsetFetchRequest_v3

from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.codes import Code
from streamproc.embedded.offsets import Committed, GroupOffsets

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "OffsetFetch"
REQUESTS = (OffsetFetchRequest_v3,)

_NOTHING = Committed(-1, "")


async def answer(cluster: Cluster, _client: Client, request: OffsetFetchRequest_v3) -> tuple[Any, ...]:
    """Throttle time, offsets per partition, error of the whole; -1 is nothing committed."""
    group = cluster.groups.find(request.consumer_group)
    offsets = GroupOffsets() if group is None else group.offsets
    wanted = _all_partitions(offsets) if request.topics is None else request.topics
    return (
        0,
        [
            (topic, [_partition(cluster, topic, number, offsets.committed(topic, number)) for number in numbers])
            for topic, numbers in wanted
        ],
        Code.NONE,
    )


def _all_partitions(offsets: GroupOffsets) -> list[tuple[str, list[int]]]:
    numbers: dict[str, list[int]] = {}
    for topic, number, _ in offsets:
        numbers.setdefault(topic, []).append(number)
    return list(numbers.items())


def _partition(cluster: Cluster, topic: str, number: int, committed: Committed | None) -> tuple[int, int, str, Code]:
    fault = cluster.faults.code(NAME, topic, number)
    shown = _NOTHING if fault is not None or committed is None else committed
    return number, shown.offset, shown.metadata, Code.NONE if fault is None else fault
