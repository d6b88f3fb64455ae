"""OffsetCommit: where a group goes on when its members change. Version 3 knows no static members.

An empty group id is an id like others here, and in OffsetFetch, as on Kafka; only members need a proper one.
"""

from typing import Any

from aiokafka.protocol.commit import OffsetCommitRequest_v3

from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.codes import Code
from streamproc.embedded.commit_answer import commit_answer
from streamproc.embedded.offsets import Committed

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "OffsetCommit"
REQUESTS = (OffsetCommitRequest_v3,)


async def answer(cluster: Cluster, _client: Client, request: OffsetCommitRequest_v3) -> tuple[Any, ...]:
    """Throttle time, errors per partition."""

    def keep(topic: str, number: int, committed: Committed) -> None:
        cluster.groups.offsets(request.consumer_group).commit(topic, number, committed)

    return commit_answer(cluster, NAME, _verdict(cluster, request), request.topics, keep)


def _verdict(cluster: Cluster, request: OffsetCommitRequest_v3) -> Code:
    """What concerns the request as a whole."""
    generation = request.consumer_group_generation_id
    group = cluster.groups.find(request.consumer_group)
    if group is None:
        return Code.NONE if generation < 0 else Code.ILLEGAL_GENERATION
    return group.check_commit(request.consumer_id, generation)
