"""TxnOffsetCommit: a transaction's offsets of one group, which wait there for its end.

Version 0 names no member and no generation, so that anybody who owns the transaction may commit for the group.
"""

from typing import Any

from aiokafka.protocol.transaction import TxnOffsetCommitRequest_v0

from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.codes import Code
from streamproc.embedded.offsets import Committed, check_metadata
from streamproc.embedded.transaction import Group, Producer

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "TxnOffsetCommit"
REQUESTS = (TxnOffsetCommitRequest_v0,)


async def answer(cluster: Cluster, _client: Client, request: TxnOffsetCommitRequest_v0) -> tuple[Any, ...]:
    """Throttle time, errors per partition. What one partition is refused does not concern the others."""
    verdict = _verdict(cluster, request)
    return 0, [
        (
            topic,
            [
                (number, _hold(cluster, request, verdict, topic, number, Committed(offset, metadata or "")))
                for number, offset, metadata in partitions
            ],
        )
        for topic, partitions in request.topics
    ]


def _verdict(cluster: Cluster, request: TxnOffsetCommitRequest_v0) -> Code:
    """What concerns the request as a whole."""
    if not request.group_id:
        return Code.INVALID_GROUP_ID
    producer = Producer(request.producer_id, request.producer_epoch)
    return cluster.transactions.check(request.transactional_id, producer, Group(request.group_id))


def _hold(
    cluster: Cluster,
    request: TxnOffsetCommitRequest_v0,
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
        cluster.groups.offsets(request.group_id).hold(request.producer_id, topic, number, committed)
    return code
