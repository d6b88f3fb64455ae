"""DescribeConfigs: the settings of topics. Those of the broker are not told: it has none of Kafka's."""

from typing import Any

from aiokafka.protocol.admin import DescribeConfigsRequest_v2

from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.codes import Code
from streamproc.embedded.topic_settings import DEFAULTS, TopicSettings
from streamproc.embedded.topics import is_legal_name

__all__ = ["NAME", "REQUESTS", "TOPIC", "answer"]

NAME = "DescribeConfigs"
REQUESTS = (DescribeConfigsRequest_v2,)

TOPIC = 2
"""Type of a resource that is a topic."""

_OF_THE_TOPIC, _DEFAULT = 1, 5


async def answer(cluster: Cluster, client: Client, request: DescribeConfigsRequest_v2) -> tuple[Any, ...]:
    """Throttle time; each resource with code, message, type, name and settings."""
    del client
    return 0, [
        _resource(cluster, kind, name, names, with_synonyms=request.include_synonyms)
        for kind, name, names in request.resources
    ]


def _resource(
    cluster: Cluster, kind: int, name: str, names: list[str] | None, *, with_synonyms: bool
) -> tuple[Any, ...]:
    fault = cluster.faults.code(NAME, name)
    if fault is not None:
        return fault, None, kind, name, []
    if kind != TOPIC:
        return Code.INVALID_REQUEST, "This broker tells the settings of topics only.", kind, name, []
    topic = cluster.topics.get(name)
    if topic is None:
        code = Code.UNKNOWN_TOPIC_OR_PARTITION if is_legal_name(name) else Code.INVALID_TOPIC_EXCEPTION
        return code, None, kind, name, []
    wanted = [known for known in DEFAULTS if names is None or known in names]
    return Code.NONE, None, kind, name, [_entry(topic.settings, known, with_synonyms) for known in wanted]


def _entry(settings: TopicSettings, name: str, with_synonyms: bool) -> tuple[Any, ...]:  # noqa: FBT001 private
    """Name, value, read-only, source, sensitive, and the values that were tried in their order."""
    value, is_given = settings.value(name), name in settings.given
    synonyms = [(name, value, _OF_THE_TOPIC)] if is_given and with_synonyms else []
    return name, value, False, _OF_THE_TOPIC if is_given else _DEFAULT, False, synonyms
