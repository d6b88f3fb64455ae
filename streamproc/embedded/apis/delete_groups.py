"""DeleteGroups: forgets groups that have no members, with their offsets."""

from typing import Any

from aiokafka.protocol.admin import DeleteGroupsRequest_v1

from streamproc.embedded.cluster import Client, Cluster

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "DeleteGroups"
REQUESTS = (DeleteGroupsRequest_v1,)


async def answer(cluster: Cluster, _client: Client, request: DeleteGroupsRequest_v1) -> tuple[Any, ...]:
    """Throttle time, error per group."""
    code = cluster.faults.code(NAME)
    return 0, [
        (group_id, cluster.groups.delete(group_id) if code is None else code) for group_id in request.groups_names
    ]
