"""The alert topic: alerts of this worker go there, each once.

A worker with budgets reads what stands there already, so that one that builds its ledger again repeats none of it. An
alert whose record had not been stored when its worker died is told by the next one, and one whose record has left the
topic is told again.
"""

from aiokafka import TopicPartition
from pydantic import ValidationError

from streamproc.chain.clock import Clock
from streamproc.kafka.lane import Lane
from streamproc.kafka.lanes import Lanes
from streamproc.kafka.producer import Producer
from streamproc.kafka.stopping import within
from streamproc.kafka.tail import Tail
from streamproc.records.alert import ALERTS, Alert
from streamproc.records.codec import encode
from streamproc.records.headers import SOURCE

__all__ = ["AlertLog"]

_STOP_SECONDS = 5.0
_MOST_REMEMBERED = 100_000
_HEADERS = (
    ("ce_specversion", b"1.0"),
    ("ce_type", b"streamproc.alert.v1"),
    ("ce_source", SOURCE),
    ("content-type", b"application/json"),
)


class AlertLog:
    """Publishes in the background, until Kafka has it."""

    def __init__(self, producer: Producer, tail: Tail, topic: str, clock: Clock) -> None:
        """Connects to nothing yet."""
        self._producer = producer
        self._tail = tail
        self._key = TopicPartition(topic, 0)
        self._clock = clock
        self._told: dict[str, None] = {}
        self._lanes = Lanes(self._make_lane, "alerts")

    @property
    def failure(self) -> BaseException | None:
        """What publishing died of, if it did."""
        return self._lanes.failure

    def _make_lane(self, partition: int) -> Lane:
        return Lane(self._producer, self._key.topic, partition, self._clock, lambda _: None, repeats=True)

    async def start(self) -> None:
        """Connects.

        Raises:
            KafkaError: no broker answers, or it refuses us.
        """
        await self._producer.start()

    async def learn(self, since_ms: int) -> None:
        """Learns what was told since a time; unix milliseconds.

        Raises:
            KafkaError: no broker answers, or it refuses us.
        """
        await self._tail.start()
        async for found in self._tail.read(self._key, await self._tail.offset_at(self._key, since_ms)):
            for record in found.records:
                try:
                    self._remember(ALERTS.validate_json(record.value or b"").alert_id)
                except ValidationError:
                    continue  # of another kind
        await self._tail.stop()

    async def stop(self) -> None:
        """Sends what is under way and disconnects."""
        await within(_STOP_SECONDS, self._flush())
        await self._lanes.stop()
        await within(_STOP_SECONDS, self._producer.stop())
        await self._tail.stop()

    async def _flush(self) -> None:
        lane = self._lanes.of(0)
        await lane.acknowledgement(lane.appended)

    def tell(self, alert: Alert) -> bool:
        """Publishes an alert; False when it was told before. Waits for nothing."""
        if alert.alert_id in self._told:
            return False
        self._remember(alert.alert_id)
        self._lanes.of(0).append(_key_of(alert), encode(alert), _HEADERS, alert.alert_id.encode())
        return True

    def _remember(self, alert_id: str) -> None:
        self._told[alert_id] = None
        if len(self._told) > _MOST_REMEMBERED:
            del self._told[next(iter(self._told))]


def _key_of(alert: Alert) -> bytes:
    if alert.kind == "budget":
        return (alert.name or alert.scope).encode()
    return (alert.provider if alert.kind == "breaker" else alert.topic).encode()
