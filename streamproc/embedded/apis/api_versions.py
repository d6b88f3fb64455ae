"""ApiVersions: what this broker can do, asked by a client before anything else."""

from typing import Any

from aiokafka.protocol.admin import ApiVersionRequest_v0, ApiVersionRequest_v1, ApiVersionRequest_v2

from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.codes import Code

__all__ = ["NAME", "REQUESTS", "answer", "refusal"]

NAME = "ApiVersions"
REQUESTS = (ApiVersionRequest_v0, ApiVersionRequest_v1, ApiVersionRequest_v2)


async def answer(cluster: Cluster, client: Client, request: Any) -> tuple[Any, ...]:
    """Code, versions and, from version 1 on, throttle time."""
    del client
    code = cluster.faults.code(NAME) or Code.NONE
    throttle = () if request.API_VERSION == 0 else (0,)
    return (code, _versions(cluster), *throttle)


def refusal(cluster: Cluster) -> tuple[Any, ...]:
    """Answer of version 0 to a version that is not served, so that the client can ask again in one that is."""
    return (Code.UNSUPPORTED_VERSION, _versions(cluster))


def _versions(cluster: Cluster) -> list[tuple[int, int, int]]:
    return [(key, least, most) for key, (least, most) in sorted(cluster.versions.items())]
