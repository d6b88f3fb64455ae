"""AlterConfigs: all settings of a topic at once; what is not named gets its default."""

from typing import Any

from aiokafka.protocol.admin import AlterConfigsRequest_v1

from streamproc.embedded.apis.describe_configs import TOPIC
from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.codes import Code
from streamproc.embedded.topic_settings import SettingRefused

__all__ = ["NAME", "REQUESTS", "answer"]

NAME = "AlterConfigs"
REQUESTS = (AlterConfigsRequest_v1,)


async def answer(cluster: Cluster, client: Client, request: AlterConfigsRequest_v1) -> tuple[Any, ...]:
    """Throttle time; each resource with code, message, type and name."""
    del client
    return 0, [
        (*_alter(cluster, kind, name, entries, validate_only=request.validate_only), kind, name)
        for kind, name, entries in request.resources
    ]


def _alter(
    cluster: Cluster, kind: int, name: str, entries: list[tuple[str, str | None]], *, validate_only: bool
) -> tuple[Code, str | None]:
    fault = cluster.faults.code(NAME, name)
    if fault is not None:
        return fault, None
    if kind != TOPIC:
        return Code.INVALID_REQUEST, "This broker changes the settings of topics only."
    topic = cluster.topics.get(name)
    if topic is None:
        return Code.UNKNOWN_TOPIC_OR_PARTITION, None
    values = dict(entries)
    if None in values.values() or len(values) < len(entries):
        return Code.INVALID_REQUEST, "Each setting needs one value."
    try:
        settings = cluster.topics.settings(values)
    except SettingRefused as refused:
        return Code.INVALID_CONFIG, str(refused)
    if not validate_only:
        cluster.topics.configure(topic.name, settings)
    return Code.NONE, None
