"""The committer: publishes what runs left behind, and only then commits the offset of their partition.

At-least-once: a crash between the two publishes a run's records again. A producer that breaks is replaced and the
same records are sent again.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from streamproc.chain.clock import Clock
from streamproc.errors import PublishFailed
from streamproc.kafka.producer import Producer, pack
from streamproc.observe.events import Observer, PublishBroke
from streamproc.records.outgoing import Outgoing, OutputTopic

__all__ = ["Committer"]

_RETRY_SECONDS = 0.5


class Committer:
    """Shared by all assignments of a process. Topics' roles become names here."""

    def __init__(
        self,
        producer: Producer,
        commit: Callable[[dict[TopicPartition, tuple[int, str]]], Any],
        topics: Mapping[OutputTopic, str],
        clock: Clock,
        observer: Observer,
    ) -> None:
        self._producer = producer
        self._commit = commit
        self._topics = topics
        self._clock = clock
        self._observer = observer

    async def publish(self, records: Iterable[Outgoing], partition: int) -> None:
        """Stores the records, each topic's in their order; tries until it works or the task is cancelled."""
        by_topic: dict[str, list[Outgoing]] = {}
        for record in records:
            by_topic.setdefault(self._topics[record.topic], []).append(record)
        # At once, so that they travel in one request; a reader has no use for an order between topics.
        await asyncio.gather(*(self._publish(topic, waiting, partition) for topic, waiting in by_topic.items()))

    async def _publish(self, topic: str, waiting: list[Outgoing], partition: int) -> None:
        while waiting:
            try:
                packed = pack(
                    self._producer.new_batch,
                    [(record.key, record.value, list(record.headers)) for record in waiting],
                    int(self._clock.time() * 1000),
                )
                await self._producer.send(packed, topic, partition)
            except PublishFailed:
                await self._clock.sleep(_RETRY_SECONDS)
                continue
            del waiting[: packed.count]

    async def commit(self, partition: TopicPartition, position: int, metadata: str) -> bool:
        """Commits the offset; False when the partition is no longer ours or Kafka did not take it for now."""
        try:
            await self._commit({partition: (position, metadata)})
        except (CommitFailedError, IllegalStateError):
            return False
        except KafkaError as exc:
            self._observer.saw(PublishBroke(partition.topic, f"offset commit failed: {exc!r}"))
            return False
        return True
