"""Heartbeat: a member says that it lives, and hears whether it has to join again."""

from typing import Any

from aiokafka.protocol.group import HeartbeatRequest_v1

from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.codes import Code

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "Heartbeat"
REQUESTS = (HeartbeatRequest_v1,)


async def answer(cluster: Cluster, _client: Client, request: HeartbeatRequest_v1) -> tuple[Any, ...]:
    """Throttle time, error."""
    return 0, _code(cluster, request)


def _code(cluster: Cluster, request: HeartbeatRequest_v1) -> Code:
    fault = cluster.faults.code(NAME)
    if fault is not None:
        return fault
    group = cluster.groups.of_member(request.group)
    return group if isinstance(group, Code) else group.heartbeat(request.member_id, request.generation_id)
