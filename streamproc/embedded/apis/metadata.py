"""Metadata: the only broker, and the topics with their partitions."""

from typing import Any

from aiokafka.protocol.metadata import MetadataRequest_v5

from streamproc.embedded.cluster import NODE_ID, Client, Cluster
from streamproc.embedded.codes import Code
from streamproc.embedded.topics import Topic, is_legal_name

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "Metadata"
REQUESTS = (MetadataRequest_v5,)

_CLUSTER_ID = "streamproc-embedded"


async def answer(cluster: Cluster, client: Client, request: MetadataRequest_v5) -> tuple[Any, ...]:
    """Throttle time, brokers, cluster id, controller, topics; no list of names asks for all, an empty one for none."""
    del client
    if request.topics is None:
        topics = [_topic(cluster, topic.name, topic) for topic in cluster.topics]
    else:
        topics = [_topic(cluster, name, cluster.topics.get(name)) for name in dict.fromkeys(request.topics)]
    return 0, [(NODE_ID, cluster.host, cluster.port, None)], _CLUSTER_ID, NODE_ID, topics


def _topic(cluster: Cluster, name: str, topic: Topic | None) -> tuple[Any, ...]:
    fault = cluster.faults.code(NAME, name)
    if fault is not None:
        return fault, name, False, []
    if topic is None:
        return Code.UNKNOWN_TOPIC_OR_PARTITION if is_legal_name(name) else Code.INVALID_TOPIC_EXCEPTION, name, False, []
    return Code.NONE, name, topic.is_internal, [_partition(number) for number in range(len(topic.partitions))]


def _partition(number: int) -> tuple[Any, ...]:
    """Code, number, leader, replicas, those in sync, those away."""
    return Code.NONE, number, NODE_ID, [NODE_ID], [NODE_ID], []
