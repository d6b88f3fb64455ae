"""TxnOffsetCommit: a transaction's offsets of one group, which wait there for its end.

Version 0 names no member and no generation, so that anybody who owns the transaction may commit for the group.
"""

from typing import Any

from aiokafka.protocol.transaction import TxnOffsetCommitRequest_v0

from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.codes import Code
from streamproc.embedded.commit_answer import commit_answer
from streamproc.embedded.offsets import Committed
from streamproc.embedded.transaction import Group, Producer

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "TxnOffsetCommit"
REQUESTS = (TxnOffsetCommitRequest_v0,)


async def answer(cluster: Cluster, _client: Client, request: TxnOffsetCommitRequest_v0) -> tuple[Any, ...]:
    """Throttle time, errors per partition."""

    def keep(topic: str, number: int, committed: Committed) -> None:
        cluster.groups.offsets(request.group_id).hold(request.producer_id, topic, number, committed)

    return commit_answer(cluster, NAME, _verdict(cluster, request), request.topics, keep)


def _verdict(cluster: Cluster, request: TxnOffsetCommitRequest_v0) -> Code:
    """What concerns the request as a whole."""
    if not request.group_id:
        return Code.INVALID_GROUP_ID
    producer = Producer(request.producer_id, request.producer_epoch)
    return cluster.transactions.check(request.transactional_id, producer, Group(request.group_id))
