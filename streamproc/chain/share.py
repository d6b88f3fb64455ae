"""The share: a process' own part of limits, for as long as the store that they are leased from is away. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from streamproc.chain.gcra import Gcra
from streamproc.chain.limits import Hold, LimitRules, longest_hold
from streamproc.chain.line import Place, calls_of, tokens_of

__all__ = ["Share"]

_PATIENCE_SECONDS = 0.25


def part_of(rules: LimitRules, workers: int) -> LimitRules:
    """The limits divided by so many, and at least one call of each kind."""
    requests, tokens, most = rules.requests_per_minute, rules.tokens_per_minute, rules.max_concurrent
    return replace(
        rules,
        requests_per_minute=None if requests is None else requests / workers,
        requests_burst=max(1.0, rules.requests_burst / workers),
        tokens_per_minute=None if tokens is None else tokens / workers,
        tokens_burst=max(1.0, rules.tokens_burst / workers),
        max_concurrent=None if most is None else max(1, most // workers),
    )


class Share:
    """Begins with nothing left: what was leased until now may be in use. Times are monotonic seconds."""

    def __init__(self, rules: LimitRules, workers: int, now: float) -> None:
        part = part_of(rules, workers)
        self._most = part.max_concurrent
        self._requests = _full(part.requests_per_minute, part.requests_burst, now)
        self._tokens = _full(part.tokens_per_minute, part.tokens_burst, now)

    def hold(self, tokens: int, running: int, now: float, before: Sequence[Place] = ()) -> Hold | None:
        """What stands in the way of one more call behind others."""
        if self._most is not None and running + len(before) >= self._most:
            return Hold("concurrency", _PATIENCE_SECONDS)
        requests = 0.0 if self._requests is None else self._requests.wait_seconds(1, now, calls_of(before))
        used = 0.0 if self._tokens is None else self._tokens.wait_seconds(tokens, now, tokens_of(before))
        return longest_hold(requests, used)

    def enter(self, tokens: int, now: float) -> None:
        """A call begins."""
        if self._requests is not None:
            self._requests.take(1, now)
        if self._tokens is not None:
            self._tokens.take(tokens, now)

    def leave(self, too_low: int, now: float) -> None:
        """A call used so many tokens more than it was let in with. What it used less was maybe leased, and is lost."""
        if self._tokens is not None and too_low:
            self._tokens.take(too_low, now)

    def used(self, now: float) -> tuple[float, float]:
        """Requests and tokens that the store has to count when it is back."""
        requests = 0.0 if self._requests is None else self._requests.level(now)
        return requests, 0.0 if self._tokens is None else self._tokens.level(now)


def _full(per_minute: float | None, burst: float, now: float) -> Gcra | None:
    if per_minute is None:
        return None
    gcra = Gcra(per_minute, burst)
    gcra.take(burst, now)
    return gcra
