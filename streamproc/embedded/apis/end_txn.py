"""EndTxn: a producer commits or aborts its transaction."""

from typing import Any

from aiokafka.protocol.transaction import EndTxnRequest_v0

from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.transaction import Producer

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "EndTxn"
REQUESTS = (EndTxnRequest_v0,)


async def answer(cluster: Cluster, _client: Client, request: EndTxnRequest_v0) -> tuple[Any, ...]:
    """Throttle time, error. The decision stands when the answer goes out; its markers follow."""
    fault = cluster.faults.code(NAME)
    if fault is not None:
        return 0, fault
    producer = Producer(request.producer_id, request.producer_epoch)
    return 0, cluster.transactions.end(request.transactional_id, producer, commit=request.transaction_result)
