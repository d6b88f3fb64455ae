"""ListGroups: the groups there are."""

from typing import Any

from aiokafka.protocol.admin import ListGroupsRequest_v1

from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.codes import Code

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "ListGroups"
REQUESTS = (ListGroupsRequest_v1,)


async def answer(cluster: Cluster, _client: Client, _request: ListGroupsRequest_v1) -> tuple[Any, ...]:
    """Throttle time, error, groups with their protocol type, which is empty for one that never had members."""
    code = cluster.faults.code(NAME)
    if code is not None:
        return 0, code, []
    return 0, Code.NONE, [(group_id, group.members.protocol_type or "") for group_id, group in cluster.groups]
