"""Leasing: limits that all processes share. One task fetches leases from Redis; whoever lets calls in never waits.

Before Redis has first answered no call is let in. While it is away each process goes on with its share, by how many
there were last.
"""

import asyncio
import secrets
from collections.abc import Sequence
from itertools import islice
from typing import Any, Self

from streamproc.chain.clock import Clock
from streamproc.chain.lease import Borrower, Grant, Lent, Order
from streamproc.chain.limits import Limiting, LimitRules, Limits
from streamproc.chain.shared_limits import SharedLimits
from streamproc.chain.stock import lent_at_once
from streamproc.kafka.failure import failure_of
from streamproc.observe.events import Observer, SharedLimitsChanged
from streamproc.settings.secret import read_secret
from streamproc.settings.settings import Settings
from streamproc.stores.leases_redis import LeaseStore, StoreAway

__all__ = ["BEAT_SECONDS", "BREATH_SECONDS", "RETRY_SECONDS", "Leasing", "order_fields", "read_grant"]

BREATH_SECONDS = 0.002
"""Between two fetches: what is wanted meanwhile goes together."""

BEAT_SECONDS = 0.5
"""At least so often a process says that it is there, and what it holds."""

RETRY_SECONDS = 0.25
_MOST_AT_ONCE = 500


class Leasing:
    """Of one process. `load` comes first, `close` last.

    Attributes:
        workers: how many processes share, as far as was last known; None before Redis first answered.
        is_away: Redis does not answer.
        failure: what fetching died of, if it did.
    """

    def __init__(self, store: LeaseStore, clock: Clock, observer: Observer) -> None:
        """Connects to nothing yet."""
        self._store = store
        self._clock = clock
        self._observer = observer
        self._wanting: dict[int, Borrower] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.workers: int | None = None
        self.is_away = False
        self._is_new = True
        self.failure: BaseException | None = None

    @classmethod
    def open(cls, settings: Settings, clock: Clock, observer: Observer) -> Self | None:
        """As the settings want it; None where each process has limits of its own.

        Raises:
            SetupError: the file that holds the address cannot be read.
        """
        own = settings.shared_limits
        url = read_secret(own.redis_url, own.redis_url_file, "shared_limits.redis_url")
        if url is None:
            return None
        tag = f"streamproc {settings.kafka.group} limits"
        return cls(LeaseStore(url, tag, secrets.token_hex(8), own.redis_timeout_seconds), clock, observer)

    def load(self) -> None:
        """Imports the client, which takes 0.4 s: call it in a thread.

        Raises:
            SetupError: it is not installed, or the URL is none.
        """
        self._store.load()

    def limits(self, scope: str, rules: LimitRules) -> Limiting:
        """The limits of a scope."""
        if rules.requests_per_minute is rules.tokens_per_minute is rules.max_concurrent is None:
            return Limits(rules)
        return SharedLimits(scope, rules, self)

    def wants(self, borrower: Borrower, *, soon: bool) -> None:
        """These limits have something to tell; `soon`: a call waits for it."""
        self._wanting.setdefault(id(borrower), borrower)
        if soon:
            self._wake.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="leasing")
            self._task.add_done_callback(self._note_end)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self.failure = failure_of(task)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            await self._fetch()
            await asyncio.sleep(RETRY_SECONDS if self.is_away else BREATH_SECONDS)
            await self._until_wanted()

    async def _until_wanted(self) -> None:
        now = self._clock.monotonic()
        due = (one.due_in(now) for one in islice(self._wanting.values(), _MOST_AT_ONCE))
        # Where there are more than fit into one fetch, the others have their turn soon.
        rest = BEAT_SECONDS if len(self._wanting) <= _MOST_AT_ONCE else BREATH_SECONDS
        seconds = min((wait for wait in due if wait is not None), default=rest)
        try:
            async with asyncio.timeout(min(seconds, rest)):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _fetch(self) -> None:
        borrowers = list(islice(self._wanting.items(), _MOST_AT_ONCE))
        now = self._clock.monotonic()
        orders = [one.order(now) for _, one in borrowers]
        try:
            leased = await self._store.lease(
                [order.scope for order in orders], [order_fields(order) for order in orders]
            )
        except StoreAway as exc:
            for (_, one), order in zip(borrowers, orders, strict=True):
                one.lost(order)
            self._became("away", str(exc), is_away=True)
            return
        self.workers = leased.workers
        self._became("open", "", is_away=False)
        now = self._clock.monotonic()
        for (key, one), words in zip(borrowers, leased.grants, strict=True):
            one.receive(read_grant(words), now)
            del self._wanting[key]
            if not one.is_settled:
                self._wanting[key] = one  # behind those that were not asked for this time

    def _became(self, state: str, sentence: str, *, is_away: bool) -> None:
        if self.is_away is not is_away or self._is_new:
            self._observer.saw(SharedLimitsChanged(state, sentence, self.workers))
        self.is_away = is_away
        self._is_new = False

    async def close(self) -> None:
        """Gives everything back, if that is quick, and hangs up."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        for one in self._wanting.values():
            one.close()
        await self._fetch()
        await self._store.close()


def order_fields(order: Order) -> dict[str, Any]:
    """An order as the script reads it."""
    rules = order.rules
    return {
        "requests_per_minute": rules.requests_per_minute or 0,
        "requests_burst": rules.requests_burst,
        "requests_at_once": lent_at_once(rules.requests_per_minute or 1, rules.requests_burst),
        "requests": order.requests._asdict(),
        "tokens_per_minute": rules.tokens_per_minute or 0,
        "tokens_burst": rules.tokens_burst,
        "tokens_at_once": lent_at_once(rules.tokens_per_minute or 1, rules.tokens_burst),
        "tokens": order.tokens._asdict(),
        "max_concurrent": rules.max_concurrent or 0,
        "running": order.running,
        "slots": order.slots,
    }


def read_grant(words: Sequence[bytes]) -> Grant:
    """What the script says of one order."""
    requests, requests_in, requests_mark, tokens, tokens_in, tokens_mark, slots = words
    return Grant(
        Lent(float(requests), float(requests_in), requests_mark.decode()),
        Lent(float(tokens), float(tokens_in), tokens_mark.decode()),
        int(slots),
    )
