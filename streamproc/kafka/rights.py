"""Rights: what Kafka's ACLs let a worker do with its topics. Asked at the start, before there is work to lose.

Which operations are allowed stands in metadata of version 8, of Apache Kafka 2.3. An older broker does not tell; then a
refusal shows when it comes.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiokafka.errors import IncompatibleBrokerVersion, TopicAuthorizationFailedError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

from streamproc.errors import SetupError
from streamproc.kafka.admin import admin_client
from streamproc.settings.settings import Settings

__all__ = ["check_rights", "find_missing_rights", "needed_rights"]

_OPERATIONS = {"Read": 3, "Write": 4}
"""Numbers of Kafka's `AclOperation`; each is that bit of what is allowed."""

_NOT_TOLD = -(2**31)
_PARTITION = (
    *((name, Int32) for name in ("partition", "leader", "leader_epoch")),
    *((name, Array(Int32)) for name in ("replicas", "isr", "offline_replicas")),
)


class _Metadata(Response):  # type: ignore[misc] # aiokafka has no types, and knows this API up to version 5
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", Array(("node_id", Int32), ("host", String()), ("port", Int32), ("rack", String()))),
        ("cluster_id", String()),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", String()),
                ("is_internal", Boolean),
                ("partitions", Array(("error_code", Int16), *_PARTITION)),
                ("authorized_operations", Int32),
            ),
        ),
        ("cluster_authorized_operations", Int32),
    )


class _MetadataStruct(RequestStruct):  # type: ignore[misc] # the same
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _Metadata
    SCHEMA = Schema(
        ("topics", Array(String())),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class _Asked(Request[_MetadataStruct]):  # type: ignore[misc] # the same
    API_KEY = 3

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = list(topics)

    def build(self, request_struct_class: Any) -> Any:
        return request_struct_class(self._topics, False, False, True)


def find_missing_rights(needed: Mapping[str, Iterable[str]], allowed: Mapping[str, int | None]) -> list[str]:
    """What is needed and not allowed, as `Read of a, b`.

    Args:
        needed: topics by `Read` and `Write`.
        allowed: by topic, the bits of what is allowed; None, or no entry, where it is not known.
    """
    found = []
    for operation, topics in needed.items():
        bit = 1 << _OPERATIONS[operation]
        missing = [topic for topic in topics if (told := allowed.get(topic)) is not None and not told & bit]
        if missing:
            found.append(f"{operation} of {', '.join(missing)}")
    return found


def needed_rights(settings: Settings) -> dict[str, list[str]]:
    """Topics that a worker reads and writes, by `Read` and `Write`."""
    topics = settings.topics
    sources = [source.topic for source in settings.sources]
    read = [*sources, topics.deferred, topics.journal, topics.usage, *settings.control_topics()]
    write = [*topics.outputs(), topics.alerts]
    if settings.budgets.is_on:
        read += [topics.admin, topics.alerts]
    return {"Read": read, "Write": write}


async def check_rights(settings: Settings) -> None:
    """Refuses to start where a topic could not be read or written.

    Raises:
        SetupError: names the rights and the topics; or Kafka cannot be reached, or refuses us.
    """
    needed = needed_rights(settings)
    names = dict.fromkeys(name for group in needed.values() for name in group)
    async with admin_client(settings.kafka, "reading its rights") as admin:
        try:
            answer = await admin._send_request(_Asked(list(names)))  # noqa: SLF001 aiokafka has no public way to ask
        except (NotImplementedError, IncompatibleBrokerVersion):
            return
    # A topic that we may not even see is refused by its name, be it there or not.
    allowed = {
        name: 0 if code == TopicAuthorizationFailedError.errno else None if code or told == _NOT_TOLD else told
        for code, name, _, _, told in answer.topics
    }
    if missing := find_missing_rights(needed, allowed):
        user = settings.kafka.sasl_username
        raise SetupError(
            f"Kafka at {settings.kafka.bootstrap_servers} does not allow {'us' if user is None else f'user {user!r}'}"
            f" {', nor '.join(missing)}; add the ACLs"
        )
