"""Limits: what a credential or a tenant may use, as the settings state it. Pure.

All of it in one place and behind few methods, so that limits which several processes share can stand here
(`shared_limits`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from streamproc.chain.concurrency import Concurrency
from streamproc.chain.gcra import Gcra
from streamproc.chain.line import Line, Place, calls_of, tokens_of

__all__ = ["Entry", "Hold", "HoldReason", "LimitRules", "Limiting", "Limits", "LimitsOf", "longest_hold", "own_limits"]

HoldReason = Literal["breaker", "pause", "requests", "tokens", "concurrency", "tokens_in_flight", "share", "throttle"]

_PATIENCE_SECONDS = 0.25
"""Who waits for another call's end asks again so soon, should nobody tell of it."""


class Hold(NamedTuple):
    """Why no call may begin now, and for how many seconds at least."""

    reason: HoldReason
    seconds: float


def longest_hold(requests_seconds: float, tokens_seconds: float) -> Hold | None:
    """The longer one of two waits; None when there is none."""
    if requests_seconds >= tokens_seconds:
        return Hold("requests", requests_seconds) if requests_seconds > 0.0 else None
    return Hold("tokens", tokens_seconds)


@dataclass(frozen=True, slots=True)
class LimitRules:
    """Per minute, with the burst that may come at once; None is no limit."""

    requests_per_minute: float | None = None
    requests_burst: float = 1.0
    tokens_per_minute: float | None = None
    tokens_burst: float = 1.0
    max_concurrent: int | None = None
    max_tokens_in_flight: int | None = None


class Entry(Protocol):
    """A call that has entered limits. It leaves once."""

    def leave(self, used: int | None, now: float) -> None:
        """It is over: it used so many of the tokens it was let in with; None: it was never made."""
        ...


class Limiting(Protocol):
    """Limits of one credential or one tenant: of this process alone, or leased. Times are monotonic seconds."""

    @property
    def line(self) -> Line:
        """Who of this process waits here."""
        ...

    @property
    def running(self) -> int:
        """Calls that have entered and not left."""
        ...

    def hold(self, tokens: int, now: float, before: Sequence[Place] = ()) -> Hold | None:
        """What stands in the way of a call of so many tokens behind others; the longest wait is told."""
        ...

    def enter(self, tokens: int, now: float) -> Entry:
        """A call begins that may use so many tokens."""
        ...

    def is_idle(self, now: float) -> bool:
        """Whether it holds nothing back and forgetting it changes nothing."""
        ...


LimitsOf = Callable[[str, LimitRules], Limiting]
"""Makes the limits of a scope: of `credential:PROVIDER/NAME` or `tenant:NAME`."""


class OwnEntry(NamedTuple):
    """A call within `Limits`, with the marks of what it took."""

    limits: "Limits"
    tokens: int
    requests_mark: float
    tokens_mark: float

    def leave(self, used: int | None, now: float) -> None:
        """It is over: it used so many of the tokens it was let in with; None: it was never made."""
        self.limits.leave(self, used, now)


class Limits:
    """The limits of one credential or one tenant. Times are monotonic seconds."""

    __slots__ = ("_concurrency", "_in_flight", "_most_in_flight", "_requests", "_tokens", "line")

    def __init__(self, rules: LimitRules) -> None:
        per_minute, tokens = rules.requests_per_minute, rules.tokens_per_minute
        self._requests = None if per_minute is None else Gcra(per_minute, rules.requests_burst)
        self._tokens = None if tokens is None else Gcra(tokens, rules.tokens_burst)
        self._concurrency = Concurrency(rules.max_concurrent)
        self._most_in_flight = rules.max_tokens_in_flight
        self._in_flight = 0
        self.line = Line()

    @property
    def running(self) -> int:
        """Calls that have entered and not left."""
        return self._concurrency.running

    def hold(self, tokens: int, now: float, before: Sequence[Place] = ()) -> Hold | None:
        """What stands in the way of a call of so many tokens behind others; the longest wait is told."""
        if self._concurrency.is_full(len(before)):
            return Hold("concurrency", _PATIENCE_SECONDS)
        if self._most_in_flight is not None:
            in_flight = self._in_flight + sum(place.tokens for place in before)
            if in_flight and in_flight + tokens > self._most_in_flight:
                return Hold("tokens_in_flight", _PATIENCE_SECONDS)
        if self._requests is None and self._tokens is None:
            return None  # as of most tenants
        requests = 0.0 if self._requests is None else self._requests.wait_seconds(1, now, calls_of(before))
        used = 0.0 if self._tokens is None else self._tokens.wait_seconds(tokens, now, tokens_of(before))
        return longest_hold(requests, used)

    def enter(self, tokens: int, now: float) -> Entry:
        """A call begins that may use so many tokens."""
        self._concurrency.running += 1
        self._in_flight += tokens
        requests_mark = 0.0 if self._requests is None else self._requests.take(1, now)
        tokens_mark = 0.0 if self._tokens is None else self._tokens.take(tokens, now)
        return OwnEntry(self, tokens, requests_mark, tokens_mark)

    def leave(self, entry: OwnEntry, used: int | None, now: float) -> None:
        """As the entry's own."""
        self._concurrency.running -= 1
        self._in_flight -= entry.tokens
        if used is None and self._requests is not None:
            self._requests.cancel(1, entry.requests_mark, now)
        if self._tokens is None:
            return
        if used is None:
            self._tokens.cancel(entry.tokens, entry.tokens_mark, now)
        elif used > entry.tokens:
            self._tokens.take(used - entry.tokens, now)
        else:
            self._tokens.give_back(entry.tokens - used)

    def is_idle(self, now: float) -> bool:
        """Whether it holds nothing back and forgetting it changes nothing."""
        empty = all(gcra is None or gcra.is_empty(now) for gcra in (self._requests, self._tokens))
        return empty and not self._concurrency.running


def own_limits(_scope: str, rules: LimitRules) -> Limiting:
    """Limits of this process alone."""
    return Limits(rules)
