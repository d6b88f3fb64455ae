"""The alerts of a worker: their log, and an observer that puts the changes of breakers into it."""

import asyncio
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from streamproc.chain.breaker_news import BreakerNews, News
from streamproc.chain.clock import Clock
from streamproc.kafka.alert_log import AlertLog
from streamproc.kafka.producer import Producer
from streamproc.kafka.tail import Tail
from streamproc.observe.events import BreakerChanged, Happening, Observer
from streamproc.records.alert import BreakerAlert
from streamproc.settings.settings import Settings

__all__ = ["Alerts"]

_PERIOD_SECONDS = 10.0
"""Of one breaker no two alerts come closer together."""

_LOOK_SECONDS = 1.0


class Alerts:
    """Of one worker. Its name in them is its instance id, or one that it has until it ends.

    Attributes:
        log: for other alerts, too.
    """

    def __init__(self, settings: Settings, options: Mapping[str, Any], clock: Clock, observer: Observer) -> None:
        """`options` are those of Kafka's clients."""
        topic = settings.topics.alerts
        self.log = AlertLog(Producer(options, observer), Tail(options, (topic,)), topic, clock)
        self._worker = settings.kafka.instance_id or secrets.token_hex(8)
        self._clock = clock
        self._news = BreakerNews(_PERIOD_SECONDS)
        self._watching: asyncio.Task[None] | None = None

    @property
    def failure(self) -> BaseException | None:
        """What publishing died of, if it did."""
        return self.log.failure

    async def start(self) -> None:
        """Connects; before the first breaker can change.

        Raises:
            KafkaError: no broker answers, or it refuses us.
        """
        await self.log.start()

    def saw(self, happening: Happening) -> None:
        """Tells a breaker's change, now or later."""
        if isinstance(happening, BreakerChanged):
            if (news := self._news.saw(happening, self._clock.monotonic())) is not None:
                self._tell(news)
            if self._watching is None:
                self._watching = asyncio.create_task(self._watch(), name="breaker-alerts")

    async def _watch(self) -> None:
        while True:
            await self._clock.sleep(_LOOK_SECONDS)
            for news in self._news.due(self._clock.monotonic()):
                self._tell(news)

    def _tell(self, news: News) -> None:
        change, at = news.change, datetime.fromtimestamp(self._clock.time(), UTC)
        self.log.tell(
            BreakerAlert.model_validate(
                {
                    "alert_id": f"{change.provider}/{change.credential}/{change.model} {change.state}:"
                    f" {self._worker} {at.isoformat()}",
                    "worker": self._worker,
                    "provider": change.provider,
                    "credential": change.credential,
                    "model": change.model,
                    "state": change.state,
                    "reason": change.reason,
                    "wait_seconds": round(change.wait_seconds, 3),
                    "untold": news.untold,
                    "at": at,
                }
            )
        )

    async def stop(self) -> None:
        """Sends what is under way and disconnects."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        await self.log.stop()
