"""LeaveGroup: a member goes, and the others share its partitions at once."""

from typing import Any

from aiokafka.protocol.group import LeaveGroupRequest_v1

from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.codes import Code

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "LeaveGroup"
REQUESTS = (LeaveGroupRequest_v1,)


async def answer(cluster: Cluster, _client: Client, request: LeaveGroupRequest_v1) -> tuple[Any, ...]:
    """Throttle time, error."""
    return 0, _code(cluster, request)


def _code(cluster: Cluster, request: LeaveGroupRequest_v1) -> Code:
    fault = cluster.faults.code(NAME)
    if fault is not None:
        return fault
    group = cluster.groups.of_member(request.group)
    return group if isinstance(group, Code) else group.leave(request.member_id)
