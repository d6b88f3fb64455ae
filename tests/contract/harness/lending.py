"""Processes that lease limits from a real Redis, in a time of their own: seeded, and as fast as the machine is.

Redis runs the product's own script; only its clock is a number here. Each process has the product's own `SharedLimits`
for one scope, and a desk that fetches as `leasing` does, with a latency. Callers ask again when they are told to.
"""

import heapq
from collections.abc import Awaitable, Callable
from importlib.resources import files
from itertools import count
from random import Random
from typing import Any

import orjson

from streamproc.chain.lease import Borrower, Grant
from streamproc.chain.limits import LimitRules
from streamproc.chain.shared_limits import SharedLimits
from streamproc.leasing import order_fields

__all__ = ["Bank", "Client"]

_TIME = "redis.call('TIME')"
_EXPIRES = ("'PEXPIRE', KEYS[2], ", "'PEXPIRE', key, ")
"""Keys expire by the real clock, which on a busy machine is faster than the one here: they lost what was lent."""

_BORN = 1_000_000.0
"""Seconds; when Redis was first asked."""


class Client:
    """One process. `begun` are its calls: when, and with how many tokens; less what they did not use, at their end."""

    def __init__(self, bank: "Bank", name: str, rules: LimitRules) -> None:
        self._bank = bank
        self._name = name
        self._is_soon = False
        self._is_fetching = False
        self.workers: int | None = None
        self.is_away = False
        self.is_cut_off = False
        self.begun: list[tuple[float, float]] = []
        self.limits = SharedLimits("s", rules, self)

    def wants(self, borrower: Borrower, *, soon: bool) -> None:
        """As the desk's."""
        del borrower
        if soon and not self._is_fetching:
            self._is_fetching = True
            self._bank.at(0.002, self._fetch)

    async def beat(self) -> None:
        """Says that it is there, each half second."""
        if not self._is_fetching:
            self._is_fetching = True
            await self._fetch()
        self._bank.at(0.5, self.beat)

    async def _fetch(self) -> None:
        asked = self._bank.now
        order = self.limits.order(asked)
        latency = self._bank.random.uniform(0.0005, 0.005)
        if self.is_cut_off:
            self.limits.lost(order)
            self.is_away, self._is_fetching = True, False
            return
        workers, (numbers,) = await self._bank.lend(self._name, order_fields(order), asked + latency / 2)
        requests, requests_in, tokens, tokens_in, slots = map(float, numbers)

        async def receive() -> None:
            self.workers, self.is_away, self._is_fetching = workers, False, False
            self.limits.receive(Grant(requests, requests_in, tokens, tokens_in, int(slots)), self._bank.now)
            due = self.limits.due_in(self._bank.now)
            if due is not None:
                self._is_fetching = True
                self._bank.at(max(due, 0.002), self._fetch)

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
                self.limits.enter(wanted, now)
                self.begun.append((now, wanted))
                self._bank.at(seconds(), self._ender(wanted))
                wanted = tokens()
            self._bank.at(hold.seconds, next_call)

        self._bank.at(0.0, next_call)

    def _ender(self, tokens: int) -> Callable[[], Awaitable[None]]:
        async def end() -> None:
            used = tokens if tokens == 1 else int(tokens * self._bank.random.uniform(0.2, 1.0))
            self.limits.leave(tokens, used)
            self.begun.append((self._bank.now, used - tokens))

        return end


class Bank:
    """The time, and the Redis."""

    def __init__(self, redis: Any, seed: int) -> None:
        """`redis` is a client of redis-py."""
        self.random = Random(seed)
        self.now = 0.0
        self._redis = redis
        text = files("streamproc.stores").joinpath("leases.lua").read_text(encoding="utf-8")
        assert _TIME in text
        for expires in _EXPIRES:
            assert expires in text
            text = text.replace(expires, f"{expires}1000 * ")
        self._script = redis.register_script(text.replace(_TIME, "{ARGV[5], ARGV[6]}"))
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

    async def lend(self, name: str, fields: dict[str, Any], now: float) -> Any:
        """The script's answer at a time."""
        micros = int((_BORN + now) * 1e6)
        arguments = (name, 10_000_000, 3_000_000, orjson.dumps([fields]), micros // 1_000_000, micros % 1_000_000)
        return await self._script(keys=["{t}:born", "{t}:seen", "{t}:of:s"], args=arguments)
