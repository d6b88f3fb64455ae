"""SyncGroup: the leader brings the assignments, every member takes its own away. Waits for the leader."""

import asyncio
from typing import Any

from aiokafka.protocol.group import SyncGroupRequest_v3

from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.codes import Code
from streamproc.embedded.member import Synced

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "SyncGroup"
REQUESTS = (SyncGroupRequest_v3,)


async def answer(cluster: Cluster, _client: Client, request: SyncGroupRequest_v3) -> tuple[Any, ...]:
    """Throttle time, error, assignment."""
    code = cluster.faults.code(NAME)
    if code is not None:
        return 0, *Synced(code)
    group = cluster.groups.of_member(request.group)
    if isinstance(group, Code):
        return 0, *Synced(group)
    reply = asyncio.get_running_loop().create_future()
    assignments = dict(request.group_assignment)
    group.sync(request.member_id, request.group_instance_id, request.generation_id, assignments, reply)
    return 0, *(await reply)
