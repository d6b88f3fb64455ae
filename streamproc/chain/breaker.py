"""The breaker: whether a provider is worth asking. Pure; the state machine with its rules.

    CLOSED     calls go through. Too many failures, or too many slow first tokens, among the last calls: OPEN
    OPEN       no call for a while, then one probe: HALF_OPEN
    HALF_OPEN  the probe is under way and nobody else calls. Its first token: CLOSED, its failure: OPEN,
               cancelled: the next call is the probe

Only the provider's own faults count. A call that began in an earlier state says nothing about this one.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum
from math import inf

__all__ = ["Breaker", "BreakerRules", "State"]

_PROBE_PATIENCE_SECONDS = 0.25
"""Who meets a probe asks again so soon: nobody knows when a first token comes."""


class State(Enum):
    """Of a breaker."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When it opens, and for how long.

    Attributes:
        enabled: whether it opens at all.
        window_calls: so many calls are looked at, the last ones.
        window_seconds: and none that ended longer ago.
        min_calls: fewer prove nothing.
        failure_rate: the share of failed ones that opens it.
        slow_seconds: a later first token is slow; None: none is.
        slow_rate: the share of slow ones that opens it.
        open_seconds: the first probe comes so long after it opened.
        max_open_seconds: longest wait for a probe that a provider may ask for.
        refused_seconds: the wait after a credential was refused, which only a person can mend.
    """

    enabled: bool = True
    window_calls: int = 100
    window_seconds: float = 30.0
    min_calls: int = 10
    failure_rate: float = 0.5
    slow_seconds: float | None = None
    slow_rate: float = 0.8
    open_seconds: float = 2.0
    max_open_seconds: float = 60.0
    refused_seconds: float = 30.0


class Breaker:
    """One breaker. Every method that can change its state says whether it did."""

    __slots__ = ("_failed", "_generation", "_last", "_next_probe", "_rules", "_slow", "reason", "state")

    def __init__(self, rules: BreakerRules) -> None:
        self._rules = rules
        self._last: deque[tuple[float, bool, bool]] = deque()  # when a call ended, whether it failed, was slow
        self._failed = self._slow = 0
        self._generation = 0
        self._next_probe = -inf
        self.state = State.CLOSED
        self.reason = ""

    def __repr__(self) -> str:
        return f"Breaker({self.state.value}, {self._failed} failed and {self._slow} slow of {len(self._last)})"

    def wait_seconds(self, now: float) -> float:
        """How long until a call may be tried; 0 is now."""
        if self.state is State.CLOSED:
            return 0.0
        if self.state is State.HALF_OPEN:
            return _PROBE_PATIENCE_SECONDS
        return max(self._next_probe - now, 0.0)

    def begin(self) -> int:
        """A call begins, as `wait_seconds` allowed. Gives the ticket that it has to show at its end."""
        if self.state is State.OPEN:
            self._become(State.HALF_OPEN, self.reason)
        return self._generation

    def answered(self, ticket: int, seconds: float, now: float) -> bool:
        """The call of this ticket has its first token, after so many seconds."""
        if ticket != self._generation or self.state is not State.HALF_OPEN:
            return False
        if self._is_slow(seconds):
            return self._open(now, self._rules.open_seconds, "the probe was slow")
        return self._become(State.CLOSED, "")

    def succeeded(self, ticket: int, first_token_seconds: float | None, now: float) -> bool:
        """The call is over and the provider did its part; None: it gave no token and needed none."""
        if ticket != self._generation:
            return False
        if self.state is State.HALF_OPEN:
            return self.answered(ticket, first_token_seconds or 0.0, now)
        slow = first_token_seconds is not None and self._is_slow(first_token_seconds)
        return self._count(now, failed=False, slow=slow)

    def failed(self, ticket: int, now: float, *, retry_after_seconds: float | None = None) -> bool:
        """The call failed by the provider's fault, which may have asked for a pause."""
        if ticket != self._generation:
            return False
        if self.state is State.HALF_OPEN:
            pause = max(self._rules.open_seconds, min(retry_after_seconds or 0.0, self._rules.max_open_seconds))
            return self._open(now, pause, "the probe failed")
        return self._count(now, failed=True, slow=False)

    def refused(self, ticket: int, now: float, reason: str) -> bool:
        """The credential itself gets no answer: no further proof is needed. `reason` says why."""
        if ticket != self._generation:
            return False
        return self._open(now, self._rules.refused_seconds, reason)

    def abandoned(self, ticket: int, now: float) -> None:
        """The call was cut off by us and says nothing. Was it the probe, the next call is one."""
        if ticket == self._generation and self.state is State.HALF_OPEN:
            self._next_probe = now
            self._become(State.OPEN, self.reason)

    def _is_slow(self, seconds: float) -> bool:
        return self._rules.slow_seconds is not None and seconds > self._rules.slow_seconds

    def _count(self, now: float, *, failed: bool, slow: bool) -> bool:
        rules, last = self._rules, self._last
        last.append((now, failed, slow))
        self._failed += failed
        self._slow += slow
        while len(last) > rules.window_calls or last[0][0] < now - rules.window_seconds:
            _, was_failed, was_slow = last.popleft()
            self._failed -= was_failed
            self._slow -= was_slow
        count = len(last)
        if count < rules.min_calls:
            return False
        if self._failed >= rules.failure_rate * count:
            return self._open(now, rules.open_seconds, f"{self._failed} of the last {count} calls failed")
        if rules.slow_seconds is not None and self._slow >= rules.slow_rate * count:
            return self._open(now, rules.open_seconds, f"{self._slow} of the last {count} calls were slow")
        return False

    def _open(self, now: float, seconds: float, reason: str) -> bool:
        if not self._rules.enabled:
            return False
        self._next_probe = now + seconds
        return self._become(State.OPEN, reason)

    def _become(self, state: State, reason: str) -> bool:
        self.state, self.reason = state, reason
        self._generation += 1
        self._last.clear()
        self._failed = self._slow = 0
        return True
