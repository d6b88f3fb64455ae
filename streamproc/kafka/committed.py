"""What a group has committed, and who is in it, as its coordinator tells it."""

import asyncio
from collections.abc import Iterable
from typing import Any, NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError, NotCoordinatorForGroupError, for_code
from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.structs import OffsetAndMetadata

from streamproc.kafka.producer import DELIVERY_SECONDS

__all__ = ["GroupState", "committed_offsets", "group_state", "know_coordinator"]


class GroupState(NamedTuple):
    """How many members a group has, and the assignor they agreed on; empty without members."""

    members: int
    protocol: str


async def committed_offsets(
    consumer: Any, group: str, keys: Iterable[TopicPartition]
) -> dict[TopicPartition, OffsetAndMetadata]:
    """Committed offsets with their metadata; a partition without one is left out.

    aiokafka's own method (0.14) passes over an error of the whole answer, which holds no partitions then: while a
    coordinator still loads its group, every offset would seem to be missing.

    Raises:
        KafkaError: the coordinator does not answer, does not know yet, or refuses us.
    """
    by_topic: dict[str, list[int]] = {}
    for key in keys:
        by_topic.setdefault(key.topic, []).append(key.partition)
    answer = await _ask(consumer, OffsetFetchRequest(group, list(by_topic.items())))
    _raise_for(consumer, getattr(answer, "error_code", 0))
    found: dict[TopicPartition, OffsetAndMetadata] = {}
    for topic, partitions in answer.topics:
        for partition, offset, metadata, code in partitions:
            _raise_for(consumer, code)
            by_topic[topic].remove(partition)
            if offset >= 0:
                found[TopicPartition(topic, partition)] = OffsetAndMetadata(offset, metadata)
    if any(by_topic.values()):
        raise KafkaError(f"the coordinator of group {group} did not tell the offsets of {by_topic}")
    return found


async def group_state(consumer: Any, group: str) -> GroupState:
    """The group's members now.

    Raises:
        KafkaError: the coordinator does not answer, or refuses us.
    """
    answer = await _ask(consumer, DescribeGroupsRequest([group]))
    code, _, _, _, protocol, members, *_ = answer.groups[0]
    _raise_for(consumer, code)
    return GroupState(len(members), protocol)


async def know_coordinator(coordinator: Any) -> None:
    """Looks the group's coordinator up, unless it is known.

    Raises:
        KafkaError: nobody tells.
    """
    try:
        async with asyncio.timeout(DELIVERY_SECONDS):
            await coordinator.ensure_coordinator_known()
    except TimeoutError as exc:
        raise KafkaTimeoutError("nobody tells the group's coordinator") from exc
    except AssertionError as exc:
        # aiokafka 0.14 takes for granted that Kafka names a broker. While all are fenced, after a standstill, none is.
        raise KafkaConnectionError("Kafka names no broker at present") from exc


async def _ask(consumer: Any, request: Any) -> Any:
    coordinator = consumer._coordinator  # noqa: SLF001 aiokafka has no public way to ask it
    await know_coordinator(coordinator)
    return await coordinator._send_req(request)  # noqa: SLF001 the same


def _raise_for(consumer: Any, code: int) -> None:
    if code:
        error = for_code(code)
        if error is NotCoordinatorForGroupError:
            consumer._coordinator.coordinator_dead()  # noqa: SLF001 it is looked up again
        raise error
