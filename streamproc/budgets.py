"""The budgets of a worker: the ledger, what keeps it true, and who is told of it. Nothing where there are no caps."""

import asyncio
import random
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from streamproc.chain.budget import Budget, LedgerBudget
from streamproc.chain.clock import Clock
from streamproc.kafka.alert_log import AlertLog
from streamproc.kafka.alone import until_alone
from streamproc.kafka.producer import Producer
from streamproc.kafka.rebuild import Rebuild
from streamproc.kafka.tail import Tail
from streamproc.kafka.usage_feed import UsageFeed
from streamproc.kafka.words import LastWords
from streamproc.money.alerting import alert_of
from streamproc.money.configured import configured_caps
from streamproc.money.ledger import Crossed, Ledger, Standing
from streamproc.money.ledger_memory import MemoryLedger
from streamproc.observe.events import BudgetsChanged, Observer
from streamproc.observe.gauges import BudgetState
from streamproc.providers.webhook import Webhook
from streamproc.records.alert import BudgetAlert
from streamproc.settings.secret import read_secret
from streamproc.settings.settings import Settings

__all__ = ["Budgets", "LedgerBudgets", "budgets_of"]

_LOOK_SECONDS = 1.0
_NANOS_PER_USD = 10**9


class Budgets:
    """Of a worker without any.

    Attributes:
        ledger: is told of calls that may be open.
        budget: is asked before each call.
        agreement: what the workers of a group have to agree on.
        shown: for metrics.
    """

    ledger: Ledger | None = None
    budget: Budget | None = None
    agreement: str = ""
    shown: tuple[BudgetState, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether it is known what was spent."""
        return True

    @property
    def failure(self) -> BaseException | None:
        """What a task of it died of, if one did."""
        return None

    async def start(self, has_all: Callable[[], bool]) -> None:
        """Nothing to read."""

    async def stop(self) -> None:
        """Nothing to end."""


class LedgerBudgets(Budgets):
    """Of a worker that keeps a ledger."""

    def __init__(self, settings: Settings, options: Mapping[str, Any], clock: Clock, observer: Observer) -> None:
        """`options` are those of Kafka's clients.

        Raises:
            SetupError: the webhook's URL is none, or its file cannot be read.
        """
        self._settings = settings
        self._clock = clock
        self._observer = observer
        topics = settings.topics
        self._memory = MemoryLedger(configured_caps(settings.budgets), self._now_ms, self._crossed)
        self.ledger = self._memory
        self.budget = LedgerBudget(self._memory, observer)
        # A ledger in memory agrees with that of no other process.
        self.agreement = f"memory {settings.kafka.instance_id or secrets.token_hex(8)}"
        self._words = LastWords(Tail(options, (topics.admin,)), topics.admin, clock, observer)
        self._alerts = AlertLog(
            Producer(options, observer), Tail(options, (topics.alerts,)), topics.alerts, clock, observer, self._deliver
        )
        url = read_secret(settings.budgets.webhook_url, settings.budgets.webhook_url_file, "budgets.webhook_url")
        self._webhook = None if url is None else Webhook(url, clock, random.random, observer)
        feed = UsageFeed(options, topics.usage, self._memory, clock, observer)
        self._has_all: Callable[[], bool] = lambda: False
        self._rebuild = Rebuild(self._memory, feed, self._memory.since_ms, lambda: self._has_all(), clock, observer)
        self._watching: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is known what was spent."""
        return self._memory.is_open

    @property
    def failure(self) -> BaseException | None:
        """What a task of it died of, if one did."""
        return self._rebuild.failure or self._words.failure or self._alerts.failure

    async def start(self, has_all: Callable[[], bool]) -> None:
        """Looks whether anybody else is in the group, and reads words and alerts; before the group is joined.

        `has_all` says whether all partitions are claimed: what was spent is read after that.

        Raises:
            SetupError: somebody is there.
            KafkaError: no broker answers, or it refuses us.
        """
        await until_alone(self._settings, self._clock)
        self._has_all = has_all
        await self._words.start()
        await self._govern()
        self._words.follow(self._govern)
        await self._alerts.start(self._memory.since_ms())
        if self._webhook is not None:
            self._webhook.start()
        await self._rebuild.start()
        self._watching = asyncio.create_task(self._watch(), name="standings")

    async def stop(self) -> None:
        """Disconnects."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        await self._rebuild.stop()
        await self._words.stop()
        await self._alerts.stop()
        if self._webhook is not None:
            await self._webhook.stop()

    async def _govern(self) -> None:
        await self._memory.govern(configured_caps(self._settings.budgets, self._words.words))
        self._observer.saw(BudgetsChanged(len(self._words)))

    async def _watch(self) -> None:
        while True:
            standings = await self._memory.standings(self._settings.budgets.max_labels)
            # As many as have labels; a scrape sees them as they were within the last second.
            self.shown = tuple(map(_shown, standings))
            await self._clock.sleep(_LOOK_SECONDS)

    def _now_ms(self) -> int:
        return int(self._clock.time() * 1000)

    def _crossed(self, crossed: Crossed) -> None:
        self._alerts.tell(alert_of(crossed, datetime.fromtimestamp(self._clock.time(), UTC)))

    def _deliver(self, alert: BudgetAlert) -> None:
        if self._webhook is not None:
            self._webhook.deliver(alert)


def budgets_of(settings: Settings, options: Mapping[str, Any], clock: Clock, observer: Observer) -> Budgets:
    """The budgets that the settings ask for; `options` are those of Kafka's clients.

    Raises:
        SetupError: the webhook's URL is none, or its file cannot be read.
    """
    return LedgerBudgets(settings, options, clock, observer) if settings.budgets.is_on else Budgets()


def _shown(standing: Standing) -> BudgetState:
    per = _NANOS_PER_USD if standing.unit == "nanos" else 1
    return BudgetState(
        scope=str(standing.account.scope),
        window=standing.account.window,
        unit="usd" if standing.unit == "nanos" else "tokens",
        used=standing.settled / per,
        reserved=standing.reserved / per,
        cap=standing.cap / per,
        is_stopped=standing.state != "open",
    )
