"""The sender: puts requests on a topic and tells each one's run id, which is in the acknowledgement; cancels, too.

It sends nothing a second time. An idempotent producer does so itself, without doubling anything, and without an end: as
long as it may, it waits for brokers that never come back. So whoever waits here hears the truth in time: stored, not
stored, or not known. The first one that is not stored ends the client, and with it what its idempotence was good for: a
new one knows nothing of the old one's records.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    BrokerResponseError,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    UnknownError,
)

from streamproc.errors import InvalidRequest, PublishFailed
from streamproc.kafka.connection import connected
from streamproc.kafka.producer import DELIVERY_SECONDS
from streamproc.kafka.stopping import stop_producer
from streamproc.records.identity import RunId

__all__ = ["Sender", "check_size"]

_MAX_VALUE_BYTES = 1_000_000
"""What a topic takes that was not told otherwise: 1 MiB for the whole record, with its key and headers."""

_LAST_SECONDS = 10.0
_LOG_APPEND_TIME = 1


def check_size(value: bytes) -> None:
    """Refuses what `Sender` cannot send, before anything is.

    Raises:
        InvalidRequest: it is too large.
    """
    if len(value) > _MAX_VALUE_BYTES:
        raise InvalidRequest(
            f"the request has {len(value)} bytes; this client sends at most {_MAX_VALUE_BYTES}, however large"
            " limits.max_request_bytes is: send it with a Kafka producer of your own",
            code="too_large",
        )


class _Client:
    """An idempotent producer, and who waits for it; of no use any more once it `is_broken`."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._producer: Any = AIOKafkaProducer(
            **options, acks="all", enable_idempotence=True, linger_ms=5, max_batch_size=256 * 1024
        )
        self._waiting: set[asyncio.Future[Any]] = set()
        self.is_broken = False

    async def start(self) -> None:
        try:
            await connected(self._producer.start())
        except BaseException:
            await self.end(_LAST_SECONDS)
            raise

    async def send(self, topic: str, **record: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = await self._producer.send(topic, **record)
        self._waiting.add(future)
        future.add_done_callback(self._waiting.discard)
        return future

    async def end(self, seconds: float) -> None:
        """Gives what is under way so much time; nobody is left then who could answer for the rest."""
        self.is_broken = True
        try:
            await stop_producer(self._producer, seconds)
        finally:
            for future in [one for one in self._waiting if not one.done()]:
                future.set_exception(KafkaConnectionError("its client was given up"))


class Sender:
    """Each record that is handed over is stored, or its failure told, within the time of delivery.

    After a failure the next record goes out by a new client, when the old one has ended: so records of a key keep their
    order.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        *,
        delivery_seconds: float = DELIVERY_SECONDS,
        last_seconds: float = _LAST_SECONDS,
    ) -> None:
        """A record has `delivery_seconds`, and `last_seconds` in a client that ends."""
        self._options = options
        self._delivery_seconds = delivery_seconds
        self._last_seconds = last_seconds
        self._client: _Client | None = None
        self._replacing = asyncio.Lock()

    async def start(self) -> None:
        """Connects.

        Raises:
            KafkaError: no broker answers, or it refuses us.
            TimeoutError: it took too long.
        """
        client = _Client(self._options)
        await client.start()
        self._client = client

    async def stop(self) -> None:
        """Sends what is under way, for a while, and disconnects."""
        client, self._client = self._client, None
        if client is not None:
            await client.end(self._last_seconds)

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Iterable[tuple[str, bytes | None]],
        timestamp_ms: int,
        *,
        partition: int | None = None,
        what: str = "a record",
    ) -> Awaitable[RunId]:
        """Hands a record over; what it gives, once awaited, is the run id.

        Without `partition` the key chooses one; `what` names the record in an error.

        Raises:
            PublishFailed: Kafka did not take it, which is for sure from here; from what is awaited, its sentence says
                whether it may have been stored all the same.
        """
        until = asyncio.get_running_loop().time() + self._delivery_seconds
        client: _Client | None = None
        try:
            async with asyncio.timeout_at(until):
                client = await self._whole_client()
                stored = await client.send(
                    topic, partition=partition, key=key, value=value, headers=list(headers), timestamp_ms=timestamp_ms
                )
        except (KafkaError, OSError) as exc:
            if client is not None:
                client.is_broken = True
            raise _refused(topic, what, exc) from exc
        return self._run_id(client, stored, until, topic, timestamp_ms, what)

    async def _whole_client(self) -> _Client:
        async with self._replacing:
            if self._client is None:
                raise PublishFailed("the sender is stopped")
            if self._client.is_broken:
                await self._client.end(self._last_seconds)
                await self.start()
            return self._client

    async def _run_id(
        self,
        client: _Client,
        acknowledged: Awaitable[Any],
        until: float,
        topic: str,
        timestamp_ms: int,
        what: str,
    ) -> RunId:
        try:
            async with asyncio.timeout_at(until):
                stored = await acknowledged
        except TimeoutError as exc:
            client.is_broken = True
            raise _unknown(topic, what, f"no broker has answered for it within {self._delivery_seconds:g} s") from exc
        except KafkaError as exc:
            client.is_broken = True
            if isinstance(exc, BrokerResponseError) and not exc.retriable and not isinstance(exc, UnknownError):
                raise _refused(topic, what, exc) from exc
            # It was tried until the client gave up, and any try may have been the one that was stored.
            raise _unknown(topic, what, repr(exc)) from exc
        # aiokafka 0.14 tells every record of a batch the first one's time, so ours is used, unless the broker sets one.
        stored_ms = stored.timestamp if stored.timestamp_type == _LOG_APPEND_TIME else timestamp_ms
        return RunId(stored.topic, stored.partition, stored.offset, stored_ms)


def _refused(topic: str, what: str, exc: Exception) -> PublishFailed:
    if isinstance(exc, MessageSizeTooLargeError | RecordListTooLargeError):
        limit = f"the topic's max.message.bytes, or than {_MAX_VALUE_BYTES}, the most that a client of ours sends"
        return PublishFailed(f"{topic} did not take {what}: it is larger than {limit}")
    why = "no broker answers" if isinstance(exc, TimeoutError) else repr(exc)
    return PublishFailed(f"{topic} did not take {what}: {why}")


def _unknown(topic: str, what: str, why: str) -> PublishFailed:
    return PublishFailed(f"{topic} may have taken {what} or not: {why}; look for it there before it is sent again")
