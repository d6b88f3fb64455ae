"""OffsetCommit: where a group goes on when its members change. Version 3 knows no static members.

An empty group id is an id like others here, and in OffsetFetch, as on Kafka; only members need a proper one.
"""

from typing import Any

from aiokafka.protocol.commit import OffsetCommitRequest_v3

from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.codes import Code
from streamproc.embedded.offsets import Committed, check_metadata

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "OffsetCommit"
REQUESTS = (OffsetCommitRequest_v3,)


async def answer(cluster: Cluster, _client: Client, request: OffsetCommitRequest_v3) -> tuple[Any, ...]:
    """Throttle time, errors per partition. What one partition is refused does not concern the others."""
    verdict = _verdict(cluster, request)
    return 0, [
        (
            topic,
            [
                (number, _commit(cluster, request, verdict, topic, number, Committed(offset, metadata or "")))
                for number, offset, metadata in partitions
            ],
        )
        for topic, partitions in request.topics
    ]


def _verdict(cluster: Cluster, request: OffsetCommitRequest_v3) -> Code:
    """What concerns the request as a whole."""
    generation = request.consumer_group_generation_id
    group = cluster.groups.find(request.consumer_group)
    if group is None:
        return Code.NONE if generation < 0 else Code.ILLEGAL_GENERATION
    return group.check_commit(request.consumer_id, generation)


def _commit(
    cluster: Cluster,
    request: OffsetCommitRequest_v3,
    verdict: Code,
    topic: str,
    number: int,
    committed: Committed,
) -> Code:
    fault = cluster.faults.code(NAME, topic, number)
    if fault is not None:
        return fault
    if cluster.topics.log(topic, number) is None:
        return Code.UNKNOWN_TOPIC_OR_PARTITION
    if verdict is not Code.NONE:
        return verdict
    code = check_metadata(committed.metadata)
    if code is Code.NONE:
        cluster.groups.offsets(request.consumer_group).commit(topic, number, committed)
    return code
