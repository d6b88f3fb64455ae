"""The transactor: what a partition's runs leave behind, and the offset they finish, as one fact.

Its transactional id is the partition's, so whoever claims the partition next shuts out this one and ends what it left
open (KIP-98). aiokafka's own commit of offsets in a transaction is fenced by nothing else.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, KafkaTimeoutError
from aiokafka.structs import OffsetAndMetadata

from streamproc.chain.clock import Clock
from streamproc.errors import PublishFailed
from streamproc.kafka.connection import transaction_errors
from streamproc.kafka.producer import DELIVERY_SECONDS, MAX_BATCH_BYTES, MAX_REQUEST_BYTES, pack
from streamproc.kafka.stopping import stop_producer, within
from streamproc.records.outgoing import Outgoing, OutputTopic

__all__ = ["NewTransactor", "Transactor", "transactors"]

_STOP_SECONDS = 5.0


class Transactor:
    """The transactional producer of one partition and one claim. After a failure it is of no use any more."""

    def __init__(
        self,
        client: Any,
        topics: Mapping[OutputTopic, str],
        group: str,
        source: TopicPartition,
        clock: Clock,
        *,
        delivery_seconds: float = DELIVERY_SECONDS,
    ) -> None:
        """A start and a commit take no longer than `delivery_seconds`."""
        self._client = client
        self._topics = topics
        self._group = group
        self._source = source
        self._clock = clock
        self._delivery_seconds = delivery_seconds

    async def start(self) -> None:
        """Shuts out the partition's former owner and ends its open transaction, if there is one.

        Raises:
            SetupError: Kafka does not let us have transactions.
            KafkaError: no broker answers.
        """
        with transaction_errors(_transactional_id(self._group, self._source)):
            try:
                async with asyncio.timeout(self._delivery_seconds):
                    await _whole(self._client.start(), _STOP_SECONDS)
            except TimeoutError as exc:
                raise KafkaTimeoutError("no coordinator of transactions answers") from exc

    async def stop(self) -> None:
        """Disconnects; what is under way is given up after a while."""
        await _whole(stop_producer(self._client, _STOP_SECONDS), 2 * _STOP_SECONDS)

    async def commit(self, records: Iterable[Outgoing], position: int, metadata: str) -> None:
        """Stores records and the offset of their source, or neither.

        Raises:
            PublishFailed: one of both; which one only the next claim can tell.
        """
        by_topic: dict[str, list[Outgoing]] = {}
        for record in records:
            by_topic.setdefault(self._topics[record.topic], []).append(record)
        try:
            async with asyncio.timeout(self._delivery_seconds):
                await self._client.begin_transaction()
                # Records first: aiokafka waits longer for the coordinator when a transaction begins with its offsets.
                await self._send_all(by_topic)
                offsets = {self._source: OffsetAndMetadata(position, metadata)}
                await self._client.send_offsets_to_transaction(offsets, self._group)
                await self._client.commit_transaction()
        except (KafkaError, TimeoutError) as exc:
            raise PublishFailed(
                f"a transaction of {self._source.topic}/{self._source.partition} broke: {exc!r}"
            ) from exc

    async def _send_all(self, by_topic: Mapping[str, list[Outgoing]]) -> None:
        sends = [asyncio.create_task(self._send(topic, waiting)) for topic, waiting in by_topic.items()]
        try:
            await asyncio.gather(*sends)
        finally:
            # When one is refused, nobody may ever answer the others.
            for send in sends:
                send.cancel()

    async def _send(self, topic: str, waiting: list[Outgoing]) -> None:
        # Each acknowledgement is awaited: `commit_transaction` of aiokafka succeeds even when a send in it failed.
        while waiting:
            packed = pack(
                self._client.create_batch,
                [(record.key, record.value, list(record.headers)) for record in waiting],
                int(self._clock.time() * 1000),
            )
            await (await self._client.send_batch(packed.builder, topic, partition=self._source.partition))
            del waiting[: packed.count]


async def _whole(work: Coroutine[Any, Any, None], seconds: float) -> None:
    # A start or stop of aiokafka's that is cancelled leaves its sockets open: it may end first, if it ends soon.
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await within(seconds, task)
        raise


def _transactional_id(group: str, source: TopicPartition) -> str:
    return f"{group}/{source.topic}/{source.partition}"


NewTransactor = Callable[[TopicPartition], Transactor]
"""Makes the transactor of a partition, not yet started."""


def transactors(
    options: Mapping[str, Any],
    topics: Mapping[OutputTopic, str],
    group: str,
    timeout_seconds: float,
    clock: Clock,
) -> NewTransactor:
    """How transactors are made; a transaction that stays open for longer than `timeout_seconds` is ended by Kafka."""

    def make(source: TopicPartition) -> Transactor:
        client = AIOKafkaProducer(
            **options,
            transactional_id=_transactional_id(group, source),
            transaction_timeout_ms=int(timeout_seconds * 1000),
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=MAX_REQUEST_BYTES,
            linger_ms=0,
        )
        return Transactor(client, topics, group, source, clock)

    return make
