"""Topics made for a test, and what the broker says about them."""

from collections.abc import Mapping
from typing import Any

from aiokafka.protocol.admin import CreateTopicsRequest_v3, DeleteTopicsRequest_v3
from aiokafka.protocol.metadata import MetadataRequest_v5

from streamproc.embedded.codes import Code
from tests.contract.broker.partition import EARLIEST, Partition
from tests.contract.broker.wire import Wire
from tests.contract.harness.waiting import eventually_found

__all__ = ["create", "delete", "listed", "make"]


async def create(
    wire: Wire,
    topic: str,
    partitions: int = 1,
    *,
    replicas: int = 1,
    configs: Mapping[str, str] | None = None,
    validate_only: bool = False,
) -> Code:
    """One CreateTopics request."""
    wanted: tuple[Any, ...] = (topic, partitions, replicas, [], list((configs or {}).items()))
    answer = await wire.ask(CreateTopicsRequest_v3([wanted], 10_000, validate_only))
    ((_, code, _),) = answer.topic_errors
    return Code(code)


async def delete(wire: Wire, topic: str) -> Code:
    """One DeleteTopics request."""
    ((_, code),) = (await wire.ask(DeleteTopicsRequest_v3([topic], 10_000))).topic_error_codes
    return Code(code)


async def listed(wire: Wire, topic: str) -> tuple[Code, int]:
    """Code and number of partitions in an answer to Metadata that asks for this topic."""
    ((code, _, _, partitions),) = (await wire.ask(MetadataRequest_v5([topic], False))).topics
    return Code(code), len(partitions)


async def make(wire: Wire, topic: str, partitions: int = 1, **configs: str) -> list[Partition]:
    """Partitions of a new topic that can be used; settings have `_` for `.`."""
    named = {name.replace("_", "."): value for name, value in configs.items()}
    assert await create(wire, topic, partitions, configs=named) == Code.NONE
    made = [Partition(wire, topic, number) for number in range(partitions)]

    async def are_led() -> bool:
        return {(await partition.find(EARLIEST)).code for partition in made} == {Code.NONE}

    await eventually_found(are_led)
    return made
