"""The sender: puts requests on a topic and tells each one's run id, which is in the acknowledgement; cancels, too."""

from collections.abc import Awaitable, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from streamproc.errors import InvalidRequest, PublishFailed
from streamproc.kafka.connection import connected
from streamproc.records.identity import RunId

__all__ = ["Sender", "check_size"]

_MAX_VALUE_BYTES = 1_000_000
"""What a topic takes that was not told otherwise: 1 MiB for the whole record, with its key and headers."""

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


class Sender:
    """Idempotent, so that a lost acknowledgement does not send a request twice."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._producer: Any = AIOKafkaProducer(
            **options, acks="all", enable_idempotence=True, linger_ms=5, max_batch_size=256 * 1024
        )

    async def start(self) -> None:
        """Connects."""
        try:
            await connected(self._producer.start())
        except BaseException:
            await self._producer.stop()
            raise

    async def stop(self) -> None:
        """Sends what is under way and disconnects."""
        await self._producer.stop()

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
            PublishFailed: Kafka did not take it (from here, or from what is awaited).
        """
        try:
            acknowledged = await self._producer.send(
                topic, partition=partition, key=key, value=value, headers=list(headers), timestamp_ms=timestamp_ms
            )
        except KafkaError as exc:
            raise _refused(topic, what, exc) from exc
        return _run_id(acknowledged, topic, timestamp_ms, what)


async def _run_id(acknowledged: Awaitable[Any], topic: str, timestamp_ms: int, what: str) -> RunId:
    try:
        stored = await acknowledged
    except KafkaError as exc:
        raise _refused(topic, what, exc) from exc
    # aiokafka 0.14 tells every record of a batch the first one's time, so ours is used, unless the broker sets its own.
    stored_ms = stored.timestamp if stored.timestamp_type == _LOG_APPEND_TIME else timestamp_ms
    return RunId(stored.topic, stored.partition, stored.offset, stored_ms)


def _refused(topic: str, what: str, exc: KafkaError) -> PublishFailed:
    if isinstance(exc, MessageSizeTooLargeError | RecordListTooLargeError):
        limit = f"the topic's max.message.bytes, or than {_MAX_VALUE_BYTES}, the most that a client of ours sends"
        return PublishFailed(f"{topic} did not take {what}: it is larger than {limit}")
    return PublishFailed(f"{topic} did not take {what}: {exc!r}")
