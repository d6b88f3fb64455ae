"""FindCoordinator: who keeps a group or a transactional id. There is only one node."""

from typing import Any

from aiokafka.protocol.coordination import FindCoordinatorRequest_v1

from streamproc.embedded.cluster import NODE_ID, Client, Cluster
from streamproc.embedded.codes import Code

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "FindCoordinator"
REQUESTS = (FindCoordinatorRequest_v1,)

_GROUP, _TRANSACTION = 0, 1


async def answer(cluster: Cluster, _client: Client, request: FindCoordinatorRequest_v1) -> tuple[Any, ...]:
    """Throttle time, error, message, node id, host, port."""
    code = cluster.faults.code(NAME)
    if code is None and request.coordinator_type not in {_GROUP, _TRANSACTION}:
        code = Code.INVALID_REQUEST
    if code is not None:
        return 0, code, code.name, -1, "", -1
    return 0, Code.NONE, "NONE", NODE_ID, cluster.host, cluster.port
