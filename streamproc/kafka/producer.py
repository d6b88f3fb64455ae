"""A producer that is replaced when it breaks.

One refused batch breaks an idempotent aiokafka producer for that partition for ever (aiokafka issue 1017), so a
failed send is never tried again on the same one. A send that takes too long has failed. Two users may see the same
failure: the first one replaces it.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError

from streamproc.errors import PublishFailed
from streamproc.kafka.connection import connected
from streamproc.kafka.stopping import stop_producer
from streamproc.observe.events import Observer, PublishBroke

__all__ = ["DELIVERY_SECONDS", "MAX_BATCH_BYTES", "MAX_REQUEST_BYTES", "Packed", "Producer", "pack"]

_RETIRE_SECONDS = 10.0

DELIVERY_SECONDS = 120.0
"""How long Kafka's own clients try (delivery.timeout.ms); aiokafka's idempotent producers try without an end."""

MAX_BATCH_BYTES = 512 * 1024
MAX_REQUEST_BYTES = 100 * 2**20


@dataclass(frozen=True, slots=True)
class Packed:
    """A batch ready to be sent, and how many of the records given it holds."""

    builder: Any
    count: int


@dataclass(slots=True, eq=False)
class _Inner:
    client: Any
    generation: int
    waiting: set[asyncio.Task[Any]] = field(default_factory=set)
    is_gone: bool = False

    async def send(self, packed: Packed, topic: str, partition: int) -> Any:
        """What Kafka says of a stored batch.

        The caller's own task waits, for the client itself: acknowledgements of many partitions come together, and who
        hears of his a turn of the loop later than the client's sender misses its next request.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 narrows the type for mypy
        cancelling = task.cancelling()
        self.waiting.add(task)
        try:
            return await (await self.client.send_batch(packed.builder, topic, partition=partition))
        except asyncio.CancelledError as exc:
            # aiokafka leaves who waits in a client that is closed without an answer, or cancels him.
            if self.is_gone:
                task.uncancel()
            if task.cancelling() > cancelling:
                raise
            raise KafkaConnectionError("the producer was given up before it was answered") from exc
        finally:
            self.waiting.discard(task)

    def give_up(self) -> None:
        """Nobody is left who could answer."""
        self.is_gone = True
        for task in self.waiting:
            task.cancel()


class Producer:
    """Sends packed batches with acks from all replicas, idempotently.

    `generation` grows with every replacement, so that a failure is told from the failure of its predecessor.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        observer: Observer,
        *,
        delivery_seconds: float = DELIVERY_SECONDS,
        retire_seconds: float = _RETIRE_SECONDS,
    ) -> None:
        """A batch has `delivery_seconds` to be acknowledged, and `retire_seconds` in a producer that was replaced."""
        self._delivery_seconds = delivery_seconds
        self._retire_seconds = retire_seconds
        self._options = {
            **options,
            "acks": "all",
            "enable_idempotence": True,
            "max_batch_size": MAX_BATCH_BYTES,
            "max_request_size": MAX_REQUEST_BYTES,
            "linger_ms": 0,
        }
        self._observer = observer
        self._inner: _Inner | None = None
        self._replacing = asyncio.Lock()
        self._retired: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Connects.

        Raises:
            KafkaError: no broker answers, or it refuses us.
            TimeoutError: it took too long.
        """
        self._inner = _Inner(await self._connect(), 0)

    async def _connect(self) -> Any:
        client = AIOKafkaProducer(**self._options)
        try:
            await connected(client.start())
        except BaseException:
            await stop_producer(client, _RETIRE_SECONDS)
            raise
        return client

    async def stop(self) -> None:
        """Sends what was handed over and disconnects."""
        inner, self._inner = self._inner, None
        if inner is not None:
            await inner.client.stop()
        for task in list(self._retired):
            task.cancel()
        await asyncio.gather(*self._retired, return_exceptions=True)

    @property
    def _current(self) -> _Inner:
        if self._inner is None:
            raise PublishFailed("the producer is stopped")
        return self._inner

    def new_batch(self) -> Any:
        """An empty batch of aiokafka's."""
        return self._current.client.create_batch()

    async def send(self, packed: Packed, topic: str, partition: int) -> int:
        """Sends one batch, waits until it is stored, and gives the offset after it; -1 when Kafka does not tell.

        Raises:
            PublishFailed: it was refused, or its fate is unknown. The producer has been replaced.
        """
        inner = self._current
        try:
            async with asyncio.timeout(self._delivery_seconds):
                stored = await inner.send(packed, topic, partition)
        except (KafkaError, TimeoutError) as exc:
            await self._replace(inner.generation, topic, exc)
            raise PublishFailed(f"{topic} partition {partition} did not take {packed.count} records: {exc!r}") from exc
        return -1 if stored.offset < 0 else int(stored.offset) + packed.count

    async def _replace(self, generation: int, topic: str, cause: Exception) -> None:
        async with self._replacing:
            broken = self._inner
            if broken is None or broken.generation != generation:
                return
            self._observer.saw(PublishBroke(topic, repr(cause)))
            try:
                client = await self._connect()
            except (KafkaError, TimeoutError) as exc:
                # The next send meets the broken producer again, fails again, and comes back here.
                raise PublishFailed(f"cannot replace the producer: {exc!r}") from exc
            self._inner = _Inner(client, generation + 1)
            # Other partitions may still have batches under way in the old one: it ends in its own time.
            task = asyncio.create_task(_retire(broken, self._retire_seconds))
            self._retired.add(task)
            task.add_done_callback(self._retired.discard)


async def _retire(inner: _Inner, seconds: float) -> None:
    try:
        await stop_producer(inner.client, seconds)
    finally:
        inner.give_up()


def pack(
    new_batch: Callable[[], Any],
    records: Sequence[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]],
    timestamp_ms: int | None,
) -> Packed:
    """Puts as many of the records into one batch as fit; the first one always fits.

    Headers are lists, because aiokafka's builder takes nothing else for headers.
    """
    builder = new_batch()
    append = builder.append
    count = 0
    for key, value, headers in records:
        if append(timestamp=timestamp_ms, key=key, value=value, headers=headers) is None:
            break
        count += 1
    builder.close()
    return Packed(builder, count)
