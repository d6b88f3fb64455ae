"""JoinGroup: a client becomes a member, or joins the next generation. Waits for the others."""

import asyncio
from typing import Any

from aiokafka.protocol.group import JoinGroupRequest_v5

from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.codes import Code
from streamproc.embedded.member import Join, Joined

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "JoinGroup"
REQUESTS = (JoinGroupRequest_v5,)


async def answer(cluster: Cluster, client: Client, request: JoinGroupRequest_v5) -> tuple[Any, ...]:
    """Throttle time, error, generation, protocol, leader, own member id, members."""
    join = Join(
        member_id=request.member_id,
        instance_id=request.group_instance_id,
        client_id=client.id,
        client_host=f"/{client.host}",  # Kafka shows it so: no name, slash, address
        session_seconds=request.session_timeout / 1_000,
        rebalance_seconds=request.rebalance_timeout / 1_000,
        protocol_type=request.protocol_type,
        protocols=tuple(request.group_protocols),
    )
    code = cluster.faults.code(NAME)
    if code is None:
        code = cluster.groups.check_join(request.group, join)
    if code is not Code.NONE:
        return 0, *Joined(code, member_id=join.member_id)
    reply = asyncio.get_running_loop().create_future()
    cluster.groups.group(request.group).join(join, reply)
    return 0, *(await reply)
