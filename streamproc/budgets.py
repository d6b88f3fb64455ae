"""The budgets of a worker: the ledger, what keeps it true, and who is told of it. Nothing where there are no caps."""

import asyncio
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from streamproc.chain.budget import Budget, LedgerBudget
from streamproc.chain.clock import Clock
from streamproc.kafka.alert_log import AlertLog
from streamproc.kafka.failure import failure_of
from streamproc.kafka.tail import Tail
from streamproc.kafka.words import LastWords
from streamproc.kept import Kept, KeptInMemory
from streamproc.kept_redis import KeptInRedis
from streamproc.money.alerting import alert_of, alert_of_unreadable
from streamproc.money.configured import configured_caps
from streamproc.money.ledger import Crossed, Ledger, Standing
from streamproc.money.scope import Spend
from streamproc.money.spent import Slowed
from streamproc.observe.events import BudgetAlerted, BudgetsChanged, Observer, UsageUnreadable
from streamproc.observe.gauges import BudgetState
from streamproc.providers.webhook import Webhook
from streamproc.records.alert import Alert
from streamproc.settings.secret import read_secret
from streamproc.settings.settings import Settings

__all__ = ["Budgets", "LedgerBudgets", "budgets_of"]

_LOOK_SECONDS = 1.0
_PAUSES_A_LOOK = 10
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

    def unready(self) -> str | None:
        """Why no call can begin at present, if so."""
        return None

    def spent_share(self, tenant: str, user: str | None, feature: str | None) -> float | None:
        """The largest share that is spent of a cap that covers them; None where there is none, or nothing is known."""
        del tenant, user, feature
        return None

    def slowed(self, tenant: str, user: str | None, feature: str | None) -> tuple[Slowed, ...]:
        """The budgets that slow their calls down."""
        del tenant, user, feature
        return ()

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

    def __init__(
        self,
        settings: Settings,
        options: Mapping[str, Any],
        call_seconds: float,
        alerts: AlertLog,
        clock: Clock,
        observer: Observer,
    ) -> None:
        """`options` are those of Kafka's clients; no call takes longer than `call_seconds`; `alerts` is started.

        Raises:
            SetupError: a URL is none, or its file cannot be read, or an extra is not installed.
        """
        self._settings = settings
        self._clock = clock
        self._observer = observer
        topics = settings.topics
        self._caps = configured_caps(settings.budgets)
        self._kept = self._keep(options, call_seconds)
        self.ledger = self._kept.ledger
        self.budget = LedgerBudget(self._kept.ledger, observer)
        self.agreement = self._kept.agreement
        self._words = LastWords(Tail(options, (topics.admin,)), topics.admin, clock, observer)
        self._alerts = alerts
        url = read_secret(settings.budgets.webhook_url, settings.budgets.webhook_url_file, "budgets.webhook_url")
        self._webhook = None if url is None else Webhook(url, clock, random.random, observer)
        self._watching: asyncio.Task[None] | None = None

    def _keep(self, options: Mapping[str, Any], call_seconds: float) -> Kept:
        settings, clock, observer = self._settings, self._clock, self._observer
        if settings.budgets.ledger == "memory":
            return KeptInMemory(settings, options, clock, observer, self._crossed, self._unreadable)
        return KeptInRedis(settings, options, call_seconds, clock, observer, self._crossed, self._unreadable)

    def unready(self) -> str | None:
        """Why no call can begin at present, if so."""
        return self._kept.unready()

    def spent_share(self, tenant: str, user: str | None, feature: str | None) -> float | None:
        """The largest share that is spent of a cap that covers them; None where there is none, or nothing is known."""
        return self._kept.ledger.spent_share(self._call(tenant, user, feature))

    def slowed(self, tenant: str, user: str | None, feature: str | None) -> tuple[Slowed, ...]:
        """The budgets that slow their calls down, as far as it is known here."""
        return self._kept.ledger.slowed(self._call(tenant, user, feature))

    def _call(self, tenant: str, user: str | None, feature: str | None) -> Spend:
        return Spend("", tenant, user, feature, int(self._clock.time() * 1000), None, None)

    @property
    def failure(self) -> BaseException | None:
        """What a task of it died of, if one did."""
        watching = self._watching
        died = None if watching is None or not watching.done() else failure_of(watching)
        return self._kept.failure or self._words.failure or died

    async def start(self, has_all: Callable[[], bool]) -> None:
        """Looks whether anybody else is in the group, and reads words and alerts; before the group is joined.

        `has_all` says whether all partitions are claimed: what was spent is read after that.

        Raises:
            SetupError: somebody is there.
            KafkaError: no broker answers, or it refuses us.
        """
        await self._kept.check()
        await self._words.start()
        await self._govern()
        self._words.follow(self._govern)
        await self._alerts.learn(self._kept.since_ms())
        if self._webhook is not None:
            self._webhook.start()
        await self._kept.start(has_all)
        self._watching = asyncio.create_task(self._watch(), name="standings")

    async def stop(self) -> None:
        """Disconnects."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        await self._kept.stop()
        await self._words.stop()
        if self._webhook is not None:
            await self._webhook.stop()

    async def _govern(self) -> None:
        self._caps = configured_caps(self._settings.budgets, self._words.words)
        await self._kept.ledger.govern(self._caps)
        self._observer.saw(BudgetsChanged(len(self._words)))

    async def _watch(self) -> None:
        while True:
            began = self._clock.monotonic()
            standings = await self._kept.standings(self._settings.budgets.max_labels)
            # As many as have labels; a scrape sees them as they were within the last second.
            self.shown = tuple(map(_shown, standings))
            # With tens of thousands of users a look takes seconds, and the worker has other work.
            took = self._clock.monotonic() - began
            await self._clock.sleep(max(_LOOK_SECONDS, _PAUSES_A_LOOK * took))

    def _crossed(self, crossed: Crossed) -> None:
        state = self._caps.state(crossed.account, crossed.cap, crossed.settled)
        alert = alert_of(crossed, state, self._now())
        if self._tell(alert):
            self._observer.saw(BudgetAlerted(alert))

    def _unreadable(self, topic: str, partition: int, offset: int, reason: str) -> bool:
        is_skipped = self._settings.budgets.skip_unreadable
        self._observer.saw(UsageUnreadable(topic, partition, offset, reason, is_skipped))
        if not is_skipped:
            self._tell(alert_of_unreadable(topic, partition, offset, reason, self._now()))
        return is_skipped

    def _tell(self, alert: Alert) -> bool:
        """False when it was told before."""
        is_new = self._alerts.tell(alert)
        if is_new and self._webhook is not None:
            self._webhook.deliver(alert)
        return is_new

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.time(), UTC)


def budgets_of(
    settings: Settings,
    options: Mapping[str, Any],
    call_seconds: float,
    alerts: AlertLog,
    clock: Clock,
    observer: Observer,
) -> Budgets:
    """The budgets that the settings ask for; the arguments are those of `LedgerBudgets`.

    Raises:
        SetupError: as `LedgerBudgets`.
    """
    if not settings.budgets.is_on:
        return Budgets()
    return LedgerBudgets(settings, options, call_seconds, alerts, clock, observer)


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
