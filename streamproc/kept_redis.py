"""The Redis ledger with what keeps it true to Kafka."""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from streamproc.chain.clock import Clock
from streamproc.errors import SetupError
from streamproc.kafka.failure import failure_of
from streamproc.kafka.open_calls import read_open_calls
from streamproc.kafka.tail import Tail
from streamproc.kafka.upkeep import Booking, Upkeep
from streamproc.kafka.usage_feed import Unreadable, UsageFeed
from streamproc.money.batches import Condition, NotCarriedOut
from streamproc.money.configured import configured_caps
from streamproc.money.crossings import Crossings
from streamproc.money.ledger import Crossed, Standing
from streamproc.money.ledger_redis import RedisLedger
from streamproc.money.store_redis import RedisStore, StoreAway
from streamproc.money.view_redis import RedisView
from streamproc.observe.events import LedgerChanged, Observer
from streamproc.settings.secret import read_secret
from streamproc.settings.settings import Settings

__all__ = ["KeptInRedis"]


class KeptInRedis:
    """For many workers. One of them keeps the view, tells of alerts and shows the standings."""

    def __init__(
        self,
        settings: Settings,
        options: Mapping[str, Any],
        call_seconds: float,
        clock: Clock,
        observer: Observer,
        crossed: Callable[[Crossed], None],
        unreadable: Unreadable,
    ) -> None:
        """`options` are those of Kafka's clients; no call takes longer than `call_seconds`.

        Raises:
            SetupError: the URL of Redis is none, its file cannot be read, or the client is not installed.
        """
        budgets, topics = settings.budgets, settings.topics
        url = read_secret(budgets.redis_url, budgets.redis_url_file, "budgets.redis_url") or ""
        self._observer = observer
        store = RedisStore(url, f"streamproc {settings.kafka.group}", budgets.redis_timeout_seconds)
        names = partial(secrets.token_hex, 8)
        caps = configured_caps(budgets)
        within = budgets.note_within_seconds
        self._view = RedisView(store, caps, budgets.time_zone, clock, names, self._changed)
        self.ledger = RedisLedger(self._view, within, clock)
        # Two workers with two stores would spend every budget twice.
        self.agreement = f"redis {store.place} {budgets.time_zone}"
        booking = Booking(self._view)
        self._feed = UsageFeed(options, topics.usage, booking, unreadable)
        self._tail = Tail(options, (topics.journal,))
        self._upkeep = Upkeep(
            self._view,
            self._feed,
            booking,
            partial(read_open_calls, settings, self._tail, observer),
            within,
            call_seconds,
            names,
            clock,
            observer,
        )
        self._crossings = Crossings(crossed)
        self._task: asyncio.Task[None] | None = None
        self.failure: BaseException | None = None

    def _changed(self, condition: Condition) -> None:
        self._observer.saw(LedgerChanged(condition.state, condition.sentence))

    def unready(self) -> str | None:
        """Why no call can begin at present, if so."""
        state, sentence, *_ = self._view.condition
        return None if state == "open" else f"the ledger of the budgets is {state}: {self._upkeep.gave_up or sentence}"

    def since_ms(self) -> int:
        """When the earliest of the windows began that are not over."""
        return self._view.since_ms()

    async def check(self) -> None:
        """Nothing to look at: Redis may be away at the start, and runs wait for it then."""

    async def start(self, has_all: Callable[[], bool]) -> None:
        """Connects.

        Raises:
            KafkaError: no broker answers, or it refuses us.
        """
        del has_all
        await self._tail.start()
        await self._feed.start()
        self._task = asyncio.create_task(self._run(), name="ledger")
        self._task.add_done_callback(self._note_end)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.ledger.run(), name="ledger view")
            tasks.create_task(self._upkeep.run(), name="ledger upkeep")

    def _note_end(self, task: asyncio.Task[None]) -> None:
        failure = failure_of(task)
        refusals = failure.split(SetupError)[0] if isinstance(failure, BaseExceptionGroup) else None
        self.failure = failure if refusals is None else _first(refusals)

    async def stop(self) -> None:
        """Tells what is left to tell, and disconnects."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._view.close()
        await self._feed.stop()
        await self._tail.stop()

    async def standings(self, most: int) -> Sequence[Standing]:
        """At most so many, if this worker keeps the view; alerts are told then."""
        if not self._upkeep.leads or self._view.condition.state != "open":
            return ()
        try:
            standings = await self._view.standings()
        except (StoreAway, NotCarriedOut):
            return ()
        self._crossings.look(standings, self._view.caps)
        return standings[:most]


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
