"""Processes that lease limits from a real Redis, in a time of their own: seeded, and as fast as the machine is.

Redis runs the product's own script; only its clock is a number here. Each process has the product's own `SharedLimits`
for one scope, and a desk that fetches as `leasing` does, with a latency. Callers ask again when they are told to.
"""

import heapq
from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files
from itertools import count
from random import Random
from typing import Any

import orjson

from streamproc.chain.lease import Borrower
from streamproc.chain.limits import Entry, LimitRules
from streamproc.chain.shared_limits import SharedLimits
from streamproc.leasing import BEAT_SECONDS, BREATH_SECONDS, RETRY_SECONDS, order_fields, read_grant

__all__ = ["Bank", "Client", "script_arguments", "script_with_a_clock"]

_TIME = "redis.call('TIME')"
_EXPIRES = ("'PEXPIRE', KEYS[2], ", "'PEXPIRE', key, ")
"""Keys expire by the real clock, which on a busy machine is faster than the one here: they lost what was lent."""

_BORN = 1_000_000.0
"""Seconds; when Redis was first asked."""


def script_with_a_clock() -> str:
    """The product's own, but what `script_arguments` say is the time."""
    text = files("streamproc.stores").joinpath("leases.lua").read_text(encoding="utf-8")
    assert _TIME in text
    for expires in _EXPIRES:
        assert expires in text
        text = text.replace(expires, f"{expires}1000 * ")
    return text.replace(_TIME, "{ARGV[5], ARGV[6]}")


def script_arguments(tag: str, name: str, orders: Sequence[dict[str, Any]], now: float) -> dict[str, Any]:
    """What a process of this name asks then, of one order at most."""
    micros = int((_BORN + now) * 1e6)
    keys = [f"{{{tag}}}:{key}" for key in ("born", "seen", *["of:s"] * len(orders))]
    own = (name, 10_000_000, 3_000_000, orjson.dumps(orders), micros // 1_000_000, micros % 1_000_000)
    return {"keys": keys, "args": own}


class Client:
    """One process. `begun` are its calls: when, and with how many tokens; less what they did not use, at their end."""

    def __init__(self, bank: "Bank", name: str, rules: LimitRules) -> None:
        self._bank = bank
        self._name = name
        self._is_wanting = self._is_soon = self._is_asking = False
        self._fetch_number = 0
        self.workers: int | None = None
        self.is_away = False
        self.is_cut_off = False
        self.begun: list[tuple[float, float]] = []
        self.limits = SharedLimits("s", rules, self)

    def wants(self, borrower: Borrower, *, soon: bool) -> None:
        """As the desk's."""
        del borrower
        self._is_wanting = True
        if soon and not self._is_soon:
            self._is_soon = True
            if not self._is_asking:
                self._fetch_in(BREATH_SECONDS)

    async def beat(self) -> None:
        """Begins to say that it is there."""
        self._fetch_in(0.0)

    def _fetch_in(self, seconds: float) -> None:
        """The next fetch; there is only one."""
        self._fetch_number += 1
        number = self._fetch_number

        async def fetch() -> None:
            if number == self._fetch_number:
                await self._fetch()

        self._bank.at(seconds, fetch)

    async def _fetch(self) -> None:
        asked = self._bank.now
        self._is_soon = False
        orders = [self.limits.order(asked)] if self._is_wanting else []
        latency = self._bank.random.uniform(0.0005, 0.005)
        if self.is_cut_off:
            for order in orders:
                self.limits.lost(order)
            self.is_away = True
            self._fetch_in(RETRY_SECONDS)
            return
        self._is_asking = True
        fields = [order_fields(order) for order in orders]
        workers, grants = await self._bank.lend(self._name, fields, asked + latency / 2)

        async def receive() -> None:
            now = self._bank.now
            self.workers, self.is_away, self._is_asking = workers, False, False
            for words in grants:
                self.limits.receive(read_grant(words), now)
                self._is_wanting = not self.limits.is_settled
            due = self.limits.due_in(now) if self._is_wanting else None
            wait = 0.0 if self._is_soon else BEAT_SECONDS if due is None else due
            self._fetch_in(max(BREATH_SECONDS, min(wait, BEAT_SECONDS)))

        self._bank.at(latency, receive)

    def call(
        self, tokens: Callable[[], int], seconds: Callable[[], float], until: float, idle_share: float = 0.0
    ) -> None:
        """Calls as fast as it is let, from now on; now and then it wants nothing, for up to a second and a half."""

        async def next_call() -> None:
            now = self._bank.now
            if now >= until:
                return
            if self._bank.random.random() < idle_share:
                self._bank.at(self._bank.random.uniform(0.0, 1.5), next_call)
                return
            wanted = tokens()
            while (hold := self.limits.hold(wanted, now)) is None:
                self.begun.append((now, wanted))
                self._bank.at(seconds(), self._ender(self.limits.enter(wanted, now), wanted))
                wanted = tokens()
            self._bank.at(hold.seconds, next_call)

        self._bank.at(0.0, next_call)

    def _ender(self, entry: Entry, tokens: int) -> Callable[[], Awaitable[None]]:
        async def end() -> None:
            used = tokens if tokens == 1 else int(tokens * self._bank.random.uniform(0.2, 1.0))
            entry.leave(used, self._bank.now)
            self.begun.append((self._bank.now, used - tokens))

        return end


class Bank:
    """The time, and the Redis."""

    def __init__(self, redis: Any, seed: int) -> None:
        """`redis` is a client of redis-py."""
        self.random = Random(seed)
        self.now = 0.0
        self._redis = redis
        self._script = redis.register_script(script_with_a_clock())
        self._events: list[tuple[float, int, Callable[[], Awaitable[None]]]] = []
        self._order = count()

    def at(self, seconds: float, what: Callable[[], Awaitable[None]]) -> None:
        """Does something so much later."""
        heapq.heappush(self._events, (self.now + seconds, next(self._order), what))

    async def run(self, until: float) -> None:
        """Lets the time pass."""
        while self._events and self._events[0][0] <= until:
            self.now, _, what = heapq.heappop(self._events)
            await what()
        self.now = until

    async def lend(self, name: str, orders: Sequence[dict[str, Any]], now: float) -> Any:
        """The script's answer at a time, to one order at most."""
        return await self._script(**script_arguments("t", name, orders, now))
