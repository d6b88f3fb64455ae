"""How large a batch the output topics take, beside how large the ones are that we write."""

from collections.abc import Iterable, Mapping

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streamproc.kafka.admin import admin_client
from streamproc.kafka.producer import MAX_BATCH_BYTES
from streamproc.settings import Settings

__all__ = ["find_small_topics", "message_limits"]

_NAME = "max.message.bytes"


async def message_limits(settings: Settings, topics: Iterable[str]) -> dict[str, int]:
    """Each topic's `max.message.bytes`, by name; those left out that Kafka does not let us see.

    Raises:
        SetupError: Kafka cannot be reached, or refuses us.
    """
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic, {_NAME: None}) for topic in topics]
    async with admin_client(settings.kafka, "reading the settings of topics") as admin:
        answers = await admin.describe_configs(resources)
    # A resource is code, message, type, name and entries; an entry begins with name and value.
    described = [resource for answer in answers for resource in answer.resources if resource[0] == 0]
    return {resource[3]: int(entry[1]) for resource in described for entry in resource[4] if entry[0] == _NAME}


def find_small_topics(limits: Mapping[str, int], max_record_bytes: int) -> list[str]:
    """One sentence for each topic that would refuse what we write; `limits` maps names to bytes.

    A refused batch would break the transaction of its runs again and again.
    """
    needed, words, way_out = (
        (max_record_bytes, "limits.max_record_bytes is", "raise it, or lower limits.max_record_bytes")
        if max_record_bytes > MAX_BATCH_BYTES
        else (MAX_BATCH_BYTES, "small records are sent in batches of up to", "raise it")
    )
    return [
        f"topic {name} takes at most {limit} bytes at once ({_NAME}), but {words} {needed}: {way_out}"
        for name, limit in limits.items()
        if limit < needed
    ]
