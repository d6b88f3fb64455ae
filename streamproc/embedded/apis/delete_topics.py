"""DeleteTopics: topics and all their records go."""

from collections import Counter
from typing import Any

from aiokafka.protocol.admin import DeleteTopicsRequest_v3

from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.codes import Code

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "DeleteTopics"
REQUESTS = (DeleteTopicsRequest_v3,)


async def answer(cluster: Cluster, client: Client, request: DeleteTopicsRequest_v3) -> tuple[Any, ...]:
    """Throttle time; each topic with its code."""
    del client
    times = Counter(request.topics)
    return 0, [(name, _delete(cluster, name) if count == 1 else Code.INVALID_REQUEST) for name, count in times.items()]


def _delete(cluster: Cluster, name: str) -> Code:
    fault = cluster.faults.code(NAME, name)
    if fault is not None:
        return fault
    if not cluster.topics.delete(name):
        return Code.UNKNOWN_TOPIC_OR_PARTITION
    cluster.groups.forget_topic(name)
    return Code.NONE
