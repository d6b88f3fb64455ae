"""Settings of topics, as Kafka has them."""

from collections.abc import Iterable, Mapping

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streamproc.kafka.admin import admin_client
from streamproc.settings.settings import Settings

__all__ = ["topic_configs"]


async def topic_configs(
    settings: Settings, topics: Iterable[str], names: Iterable[str]
) -> Mapping[str, Mapping[str, str]]:
    """What these names are set to, by topic; topics left out whose settings Kafka does not let us see.

    Raises:
        SetupError: Kafka cannot be reached, or refuses us.
    """
    wanted = dict.fromkeys(names)
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic, wanted) for topic in topics]
    async with admin_client(settings.kafka, "reading the settings of topics") as admin:
        answers = await admin.describe_configs(resources)
    # A resource is code, message, type, name and entries; an entry begins with name and value.
    described = [resource for answer in answers for resource in answer.resources if resource[0] == 0]
    return {resource[3]: {entry[0]: entry[1] for entry in resource[4] if entry[0] in wanted} for resource in described}
