"""Who borrows in tests of leases, step by step: calls within limits, and processes with a desk that is slow at times."""

from dataclasses import dataclass
from random import Random
from typing import Any

from streamproc.chain.lease import Borrower, Grant, Order
from streamproc.chain.limits import Entry, Limiting, LimitRules
from streamproc.chain.shared_limits import SharedLimits
from streamproc.chain.stock import life_seconds
from streamproc.leasing import order_fields, read_grant
from tests.contract.harness.lending import script_arguments, script_with_a_clock

__all__ = ["Caller", "Made", "Store", "Worker"]

_LATE_SECONDS = 0.025
"""Redis answers so long before a lease is over; one that comes late is used late."""


@dataclass
class Made:
    """What a call took, and at its end what it did not use of that; nothing, if it was never made."""

    at: float
    requests: int
    tokens: int


class Caller:
    """Calls within one process' limits, and writes down what the provider sees, behind what others made."""

    def __init__(self, limits: Limiting, rules: LimitRules, random: Random, made: list[Made]) -> None:
        self.limits = limits
        self._made = made
        self._random = random
        self._most = random.choice((1, int(rules.tokens_burst)))  # either limit is the narrow one
        self._running: list[tuple[Entry, Made]] = []

    def call(self, now: float) -> None:
        """As many as it is let, up to some."""
        for _ in range(self._random.choice((1, 3, 100))):
            tokens = self._random.randint(1, self._random.choice((self._most, max(1, self._most // 10))))
            if self.limits.hold(tokens, now) is not None:
                return
            self._made.append(Made(now, 1, tokens))
            self._running.append((self.limits.enter(tokens, now), self._made[-1]))

    def end(self, now: float) -> None:
        """Some calls are over, of those some were never made."""
        for _ in range(min(len(self._running), self._random.choice((1, 5, 100)))):
            entry, made = self._running.pop(self._random.randrange(len(self._running)))
            used = self._random.choice((None, 0, made.tokens // 10, made.tokens))
            entry.leave(used, now)
            if used is None:
                made.requests = made.tokens = 0
            else:
                self._made.append(Made(now, 0, used - made.tokens))


class Store:
    """The product's script on a real Redis, by a client of redis-py, at times that are numbers; first asked at 0."""

    def __init__(self, connection: Any, tag: str) -> None:
        """`tag` tells stores of one Redis apart."""
        self._script = connection.register_script(script_with_a_clock())
        self._tag = tag
        self.lend("first", None, 0.0)

    def lend(self, name: str, order: Order | None, now: float) -> Any:
        """The answer to a process of this name."""
        orders = [] if order is None else [order_fields(order)]
        return self._script(**script_arguments(self._tag, name, orders, now))


class Worker:
    """A process that leases. Its desk is slow at times: an order waits to be read, and its answer to be received."""

    workers = 3
    is_away = False

    def __init__(self, name: str, rules: LimitRules, store: Store) -> None:
        self.limits = SharedLimits("s", rules, self)
        self._name = name
        self._store = store
        bounds = (rules.requests_per_minute, rules.requests_burst), (rules.tokens_per_minute, rules.tokens_burst)
        self._patience = min(life_seconds(rate, burst) for rate, burst in bounds if rate) - _LATE_SECONDS
        self._order: Order | None = None
        self._answer: Grant | None = None
        self.answered_by = 0.0

    def wants(self, borrower: Borrower, *, soon: bool) -> None:
        """Whoever drives it fetches when it likes."""

    @property
    def is_asking(self) -> bool:
        """Whether it has not received its answer."""
        return self._order is not None or self._answer is not None

    def ask(self, now: float) -> None:
        """It orders and is answered at once."""
        for _ in range(3):
            self.fetch(now)

    def fetch(self, now: float) -> None:
        """One step more: it orders, Redis reads, it receives."""
        if self._answer is not None:
            self.limits.receive(self._answer, now)
            self._answer = None
        elif self._order is None:
            self._order = self.limits.order(now)
            self.answered_by = now + self._patience
        else:
            _, (words,) = self._store.lend(self._name, self._order, now)
            self._order, self._answer = None, read_grant(words)

    def enter(self, tokens: int, now: float) -> Entry:
        """A call for which it asks first."""
        assert self.limits.hold(tokens, now) is not None
        self.ask(now)
        assert self.limits.hold(tokens, now) is None
        return self.limits.enter(tokens, now)
