"""InitProducerId: a producer asks who it is."""

from typing import Any

from aiokafka.protocol.transaction import InitProducerIdRequest_v0

from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.transaction import Producer

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "InitProducerId"
REQUESTS = (InitProducerIdRequest_v0,)


async def answer(cluster: Cluster, _client: Client, request: InitProducerIdRequest_v0) -> tuple[Any, ...]:
    """Throttle time, error, producer id, epoch."""
    fault = cluster.faults.code(NAME)
    if fault is not None:
        return 0, fault, *Producer(-1, -1)
    code, producer = cluster.transactions.initialise(request.transactional_id, request.transaction_timeout_ms)
    return 0, code, *producer
