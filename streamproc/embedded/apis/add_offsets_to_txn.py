"""AddOffsetsToTxn: a producer says for which group its transaction commits offsets."""

from typing import Any

from aiokafka.protocol.transaction import AddOffsetsToTxnRequest_v0

from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.transaction import Group, Producer

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "AddOffsetsToTxn"
REQUESTS = (AddOffsetsToTxnRequest_v0,)


async def answer(cluster: Cluster, _client: Client, request: AddOffsetsToTxnRequest_v0) -> tuple[Any, ...]:
    """Throttle time, error."""
    fault = cluster.faults.code(NAME)
    if fault is not None:
        return 0, fault
    producer = Producer(request.producer_id, request.producer_epoch)
    return 0, cluster.transactions.add(request.transactional_id, producer, Group(request.group_id))
