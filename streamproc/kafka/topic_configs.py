"""Settings of topics and of brokers, as Kafka has them."""

from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streamproc.kafka.admin import admin_client
from streamproc.settings.settings import Settings

__all__ = ["broker_configs", "topic_configs"]

Configs = Mapping[str, Mapping[str, str]]
"""What names are set to, by topic or by a broker's number."""


async def topic_configs(settings: Settings, topics: Iterable[str], names: Iterable[str]) -> Configs:
    """What these names are set to; topics left out whose settings Kafka does not let us see.

    Raises:
        SetupError: Kafka cannot be reached, or refuses us.
    """
    async with admin_client(settings.kafka, "reading the settings of topics") as admin:
        return await _described(admin, ConfigResourceType.TOPIC, topics, names)


async def broker_configs(settings: Settings, names: Iterable[str]) -> Configs:
    """What these names are set to on each broker; brokers left out that do not tell us: a worker need not be told.

    Raises:
        SetupError: Kafka cannot be reached.
    """
    async with admin_client(settings.kafka, "reading the settings of brokers") as admin:
        brokers = [str(broker["node_id"]) for broker in (await admin.describe_cluster())["brokers"]]
        return await _described(admin, ConfigResourceType.BROKER, brokers, names)


async def _described(admin: Any, kind: Any, of: Iterable[str], names: Iterable[str]) -> Configs:
    wanted = dict.fromkeys(names)
    answers = await admin.describe_configs([ConfigResource(kind, name, wanted) for name in of])
    # A resource is code, message, type, name and entries; an entry begins with name and value.
    described = [resource for answer in answers for resource in answer.resources if resource[0] == 0]
    return {resource[3]: {entry[0]: entry[1] for entry in resource[4] if entry[0] in wanted} for resource in described}
