"""DescribeGroups: phase and members of groups."""

from typing import Any

from aiokafka.protocol.admin import DescribeGroupsRequest_v3, DescribeGroupsResponse_v3

from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.codes import Code
from streamproc.embedded.phases import State

__all__ = ["NAME", "REQUESTS", "answer"]


class _DescribeGroupsRequest(DescribeGroupsRequest_v3):  # type: ignore[misc]  # aiokafka has no types
    RESPONSE_TYPE = DescribeGroupsResponse_v3  # aiokafka names version 2 here, which lacks the last field


NAME = "DescribeGroups"
REQUESTS = (_DescribeGroupsRequest,)

_NOT_ASKED = -2_147_483_648
_ALL_OPERATIONS = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11
"""What anybody may do with a group here: read, delete, describe, describe and alter its settings."""


async def answer(cluster: Cluster, _client: Client, request: DescribeGroupsRequest_v3) -> tuple[Any, ...]:
    """Throttle time; per group error, id, state, protocol type, protocol, members, operations."""
    code = cluster.faults.code(NAME)
    operations = _ALL_OPERATIONS if request.include_authorized_operations else _NOT_ASKED
    return 0, [(*_described(cluster, group_id, code), operations) for group_id in request.groups]


def _described(cluster: Cluster, group_id: str, code: Code | None) -> tuple[Any, ...]:
    if code is not None:
        return code, group_id, "", "", "", []
    group = cluster.groups.find(group_id)
    if group is None:
        return Code.NONE, group_id, "Dead", "", "", []
    # Between two generations neither protocol nor metadata are shown.
    protocol = group.protocol if group.state is State.STABLE else ""
    members = [
        (member.id, member.join.client_id, member.join.client_host, member.metadata(protocol), member.assignment)
        for member in group.members
    ]
    return Code.NONE, group_id, group.state.value, group.members.protocol_type or "", protocol, members
