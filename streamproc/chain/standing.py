"""Standing: what is learned of one credential with one model from its answers. Pure.

A provider's limits and troubles are mostly those of a model: a sick one says nothing about its neighbours, so what is
learned here is kept for each model. What the settings state holds for the whole credential (`chain.limits`).
"""

from collections.abc import Sequence
from math import inf

from streamproc.chain.allowance import Allowances, Left, Mark
from streamproc.chain.breaker import Breaker, BreakerRules
from streamproc.chain.concurrency import Concurrency
from streamproc.chain.limits import Hold, longest_hold
from streamproc.chain.line import Line, Place
from streamproc.errors import CredentialFault, ProviderError, QuotaExhausted, RateLimited, RequestFault

__all__ = ["Standing"]

_FORBIDDEN = 403
_REFUSED = "the credential was refused"
_QUOTA_SPENT = "the credential's quota is used up"
_PATIENCE_SECONDS = 0.25


class Standing:
    """Breaker, pause, learned concurrency, and what the provider said is left. Times are monotonic seconds."""

    __slots__ = ("_allowances", "_max_pause", "_paused_until", "breaker", "concurrency", "credential", "line", "model")

    def __init__(self, credential: str, model: str, rules: BreakerRules) -> None:
        self.credential = credential
        self.model = model
        self.breaker = Breaker(rules)
        self.concurrency = Concurrency()
        self._max_pause = rules.max_open_seconds
        self._paused_until = -inf
        self._allowances = Allowances(self._max_pause)
        self.line = Line()

    def hold(self, tokens: int, now: float, before: Sequence[Place] = ()) -> Hold | None:
        """What stands in the way of a call of so many tokens behind others."""
        if (seconds := self.breaker.wait_seconds(now)) > 0.0:
            return Hold("breaker", seconds)
        if now < self._paused_until:
            return Hold("pause", self._paused_until - now)
        if self.concurrency.is_full(len(before)):
            return Hold("concurrency", _PATIENCE_SECONDS)
        if not self._allowances.is_told:
            return None
        return longest_hold(*self._allowances.wait_seconds(tokens, now, before))

    def enter(self, tokens: int, now: float) -> Mark:
        """A call begins; gives its mark, by which it can be `told` what is left."""
        self.concurrency.running += 1
        return self._allowances.enter(tokens, now)

    def leave(self, mark: Mark) -> None:
        """A call is over."""
        self.concurrency.running -= 1
        self._allowances.leave(mark)

    def told(self, left: Left, mark: Mark, now: float) -> None:
        """The provider says what is left; where it does not say of how much, only that nothing is left says something.

        It is obeyed for `max_open_seconds` at most.
        """
        if (seconds := self._allowances.told(left, mark, now)) is not None:
            self.pause(seconds, now)

    def pause(self, seconds: float, now: float) -> None:
        """The provider asks for no call so long; obeyed within the bound of `max_open_seconds`."""
        self._paused_until = max(self._paused_until, now + min(seconds, self._max_pause))

    def succeeded(self, ticket: int, first_token_seconds: float | None, now: float) -> bool:
        """A call was answered. Says whether the breaker changed, as `failed` does."""
        self.concurrency.speed_up()
        return self.breaker.succeeded(ticket, first_token_seconds, now)

    def failed(self, ticket: int, error: ProviderError, begun: float, now: float) -> bool:
        """A call that began then ended with this error.

        - a fault of the request: the provider did its part
        - a fault of the credential: the breaker opens at once; but "forbidden" is often said of one request, and
          counts as one failure
        - too many requests: fewer at a time, and a pause where it asks for one; it counts as a failure, too
        - whatever else the provider did: a failure
        """
        hint = error.retry_after_seconds
        if isinstance(error, RequestFault):
            return self.breaker.succeeded(ticket, None, now)
        if isinstance(error, CredentialFault) and error.status_code != _FORBIDDEN:
            spent = isinstance(error, QuotaExhausted)
            return self.breaker.refused(ticket, now, _QUOTA_SPENT if spent else _REFUSED)
        if isinstance(error, RateLimited):
            self.concurrency.slow_down(begun, now)
            if hint is not None:
                self.pause(hint, now)
        return self.breaker.failed(ticket, now, retry_after_seconds=hint)
