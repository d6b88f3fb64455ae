"""Where partitions stand at a time."""

from collections.abc import Iterable
from typing import Any

from aiokafka import TopicPartition

__all__ = ["offsets_at"]


async def offsets_at(consumer: Any, keys: Iterable[TopicPartition], timestamp_ms: int) -> dict[TopicPartition, int]:
    """The first offset of each whose record is not older than a time; the end, where there is none.

    Raises:
        KafkaError: a leader is away, or it refuses us.
    """
    wanted = list(keys)
    # The ends first: what comes between the two answers stands behind them.
    ends: dict[TopicPartition, int] = await consumer.end_offsets(wanted)
    found = await consumer.offsets_for_times(dict.fromkeys(wanted, max(timestamp_ms, 0)))
    return {key: ends[key] if found[key] is None else int(found[key].offset) for key in wanted}
