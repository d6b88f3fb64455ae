"""Shared limits: of one credential or tenant, held together by all processes. Pure; it never waits.

A call is let in by what was leased before; what is missing is ordered, and told as a short wait. The store counts a
lease when it gives it, so all processes together use no more than the limits allow. While the store is away each
process goes on with its share of them; before it has first answered none does, for nobody knows the share.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from streamproc.chain.lease import Desk, Draw, Grant, Order
from streamproc.chain.limits import Entry, Hold, LimitRules, Limits, longest_hold
from streamproc.chain.line import Line, Place
from streamproc.chain.share import Share
from streamproc.chain.stock import Stock

__all__ = ["SharedLimits"]

_SLOT_SECONDS = 0.02
"""In so long another process may have given a slot back. A call that ends here is told to who waits."""

_KEEP_SECONDS = 1.0


class LeasedEntry(NamedTuple):
    """A call within `SharedLimits`, with the marks of what it spent; None where that was not leased."""

    limits: "SharedLimits"
    own: Entry
    tokens: int
    requests_mark: str | None
    tokens_mark: str | None

    def leave(self, used: int | None, now: float) -> None:
        """It is over: it used so many of the tokens it was let in with; None: it was never made."""
        self.limits.leave(self, used, now)


class SharedLimits:
    """In one process. Times are monotonic seconds."""

    __slots__ = (
        "_asked_slots",
        "_desk",
        "_is_full",
        "_own",
        "_peak",
        "_peak_at",
        "_requests",
        "_rules",
        "_scope",
        "_share",
        "_slots",
        "_slots_at",
        "_tokens",
        "_told",
    )

    def __init__(self, scope: str, rules: LimitRules, desk: Desk) -> None:
        """`scope` is whose limits they are, the same in all processes."""
        requests, tokens = rules.requests_per_minute, rules.tokens_per_minute
        self._scope = scope
        self._rules = rules
        self._desk = desk
        # What is not leased stays a limit of each process.
        self._own = Limits(replace(rules, requests_per_minute=None, tokens_per_minute=None, max_concurrent=None))
        self._requests = None if requests is None else Stock(requests, rules.requests_burst)
        self._tokens = None if tokens is None else Stock(tokens, rules.tokens_burst)
        self._slots = self._peak = self._asked_slots = 0
        self._is_full = False
        self._peak_at = self._slots_at = 0.0
        self._share: Share | None = None
        self._told = (0.0, 0.0)  # of the share, with the last order

    def __repr__(self) -> str:
        return f"SharedLimits({self._scope}, running={self.running} of {self._slots}, {self._requests}, {self._tokens})"

    @property
    def running(self) -> int:
        """Calls that have entered and not left."""
        return self._own.running

    @property
    def line(self) -> Line:
        """Who of this process waits here."""
        return self._own.line

    def hold(self, tokens: int, now: float, before: Sequence[Place] = ()) -> Hold | None:
        """What stands in the way of a call of so many tokens behind others; the longest wait is told."""
        if (own := self._own.hold(tokens, now, before)) is not None:
            return own
        workers = self._desk.workers
        if self._share is None and self._desk.is_away and workers is not None:
            self._share = Share(self._rules, workers, now)
            self._desk.wants(self, soon=False)
        if self._share is not None:
            return self._share.hold(tokens, self.running, now, before)
        hold = self._leased_hold(tokens, now, before)
        if hold is not None:
            self._desk.wants(self, soon=self.due_in(now) == 0.0)
        return hold

    def _leased_hold(self, tokens: int, now: float, before: Sequence[Place]) -> Hold | None:
        if self._rules.max_concurrent is not None and self.running + len(before) >= self._slots:
            self._use(self.running + len(before) + 1, now)
            # Before the store was asked, nobody can say that there are too many.
            return Hold("concurrency" if self._is_full else "requests", _SLOT_SECONDS)
        requests = 0.0 if self._requests is None else self._requests.wait_seconds(1, now, len(before))
        first = sum(place.tokens for place in before)
        used = 0.0 if self._tokens is None else self._tokens.wait_seconds(tokens, now, first)
        return longest_hold(requests, used)

    def enter(self, tokens: int, now: float) -> Entry:
        """A call begins that may use so many tokens."""
        own = self._own.enter(tokens, now)
        self._use(self.running, now)
        if self._share is not None:
            self._share.enter(tokens, now)
            return LeasedEntry(self, own, tokens, None, None)
        requests_mark = None if self._requests is None else self._requests.take(1)
        tokens_mark = None if self._tokens is None else self._tokens.take(tokens)
        return LeasedEntry(self, own, tokens, requests_mark, tokens_mark)

    def leave(self, entry: LeasedEntry, used: int | None, now: float) -> None:
        """As the entry's own."""
        entry.own.leave(used, now)
        too_low = max(0, (used or 0) - entry.tokens)
        if self._share is not None:
            self._share.leave(too_low, now)
            return
        if used is None and self._requests is not None:
            self._requests.cancel(1, entry.requests_mark)
        if self._tokens is not None:
            self._tokens.owe(too_low)
            if used is None:
                self._tokens.cancel(entry.tokens, entry.tokens_mark)
            elif used < entry.tokens:
                self._tokens.give_back(entry.tokens - used, now)
        self._desk.wants(self, soon=self.due_in(now) == 0.0)

    def is_idle(self, now: float) -> bool:
        """Whether it holds nothing back and forgetting it changes nothing."""
        return self.is_settled and self._own.is_idle(now)

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to tell the store, now or soon."""
        stocks = all(stock is None or stock.is_settled for stock in self._stocks)
        return stocks and not self._slots and not self.running and self._share is None

    def due_in(self, now: float) -> float | None:
        """In how many seconds what is missing can be ordered; None when nothing is missing."""
        waits = [stock.due_in(now) for stock in self._stocks if stock is not None]
        if self._peak > self._slots and self._rules.max_concurrent is not None:
            waits.append(max(self._slots_at - now, 0.0))
        return min((wait for wait in waits if wait is not None), default=None)

    def order(self, now: float) -> Order:
        """What to ask the store for, now that it is asked."""
        self._told = (0.0, 0.0) if self._share is None else self._share.used(now)
        draws = (Draw() if stock is None else stock.order(now) for stock in self._stocks)
        requests, tokens = (draw._replace(owed=draw.owed + told) for draw, told in zip(draws, self._told, strict=True))
        if now - self._peak_at > _KEEP_SECONDS:
            self._peak = self.running
        slots = self._asked_slots = max(self._peak, self.running)
        return Order(self._scope, self._rules, requests, tokens, self.running, slots)

    def receive(self, grant: Grant, now: float) -> None:
        """The store's answer to the last order. What was used of the share since then is told with the next one."""
        if self._share is not None:
            for stock, told, used in zip(self._stocks, self._told, self._share.used(now), strict=True):
                if stock is not None:
                    stock.owe(max(0.0, used - told))
            self._share = None
        for stock, lent in zip(self._stocks, (grant.requests, grant.tokens), strict=True):
            if stock is not None:
                stock.receive(lent, now)
        self._slots = grant.slots
        self._is_full = grant.slots < self._asked_slots
        self._slots_at = now + _SLOT_SECONDS

    def lost(self, order: Order) -> None:
        """Nobody knows what became of an order: what it gave back counts as used, and what it owed is owed still."""
        for stock, draw, told in zip(self._stocks, (order.requests, order.tokens), self._told, strict=True):
            if stock is not None:
                stock.forget()
                stock.owe(draw.owed - told)

    def close(self) -> None:
        """No call begins any more: the next order gives everything back."""
        self._peak = self.running
        for stock in self._stocks:
            if stock is not None:
                stock.close()

    @property
    def _stocks(self) -> tuple[Stock | None, Stock | None]:
        return self._requests, self._tokens

    def _use(self, slots: int, now: float) -> None:
        if slots >= self._peak or now - self._peak_at > _KEEP_SECONDS:
            self._peak = slots
            self._peak_at = now
