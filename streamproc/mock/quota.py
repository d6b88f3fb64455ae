"""Rate limits of the mock provider, by model: buckets that fill steadily, and the headers that tell of them.

As OpenAI and Anthropic document it: a limit is also what may come at once, a refused request takes nothing, and tokens
are reckoned at the start by the prompt and the most that the answer may have. Ollama has no such headers.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from math import ceil
from typing import NamedTuple

from streamproc.mock.asked import Asked
from streamproc.mock.dialects import ANTHROPIC, OPENAI, Dialect
from streamproc.mock.response import Fields

__all__ = ["Quota", "Taken"]

_ANSWER_TOKENS = 16
"""What a request asks for that does not say; OpenAI's own default for a reckoning."""


class Taken(NamedTuple):
    """Whether a call is let in, and what its response says of the limits."""

    is_refused: bool
    fields: Fields


class _Bucket:
    """One limit of one model; `used` flows off at the limit's rate."""

    def __init__(self, per_minute: float, now: float) -> None:
        self.limit = per_minute
        self._used = 0.0
        self._at = now

    def used(self, now: float) -> float:
        self._used = max(0.0, self._used - (now - self._at) * self.limit / 60)
        self._at = now
        return self._used

    def take(self, amount: float) -> None:
        self._used += amount


class Quota:
    """The limits of all models; None is no limit."""

    def __init__(self, requests_per_minute: float | None, tokens_per_minute: float | None) -> None:
        self._rules = {
            name: limit
            for name, limit in (("requests", requests_per_minute), ("tokens", tokens_per_minute))
            if limit is not None
        }
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def take(self, asked: Asked, dialect: Dialect, now: float) -> Taken:
        """Lets a call in or refuses it. `now` is unix time in seconds."""
        wanted = {"requests": 1.0, "tokens": float(asked.input_tokens + (asked.max_tokens or _ANSWER_TOKENS))}
        found = {name: self._bucket(name, asked.model, now) for name in self._rules}
        waits = [(bucket.used(now) + wanted[name] - bucket.limit) * 60 / bucket.limit for name, bucket in found.items()]
        wait = max(waits, default=0.0)
        if wait <= 0:
            for name, bucket in found.items():
                bucket.take(wanted[name])
        fields = tuple(field for name, bucket in found.items() for field in _fields(name, bucket, dialect, now))
        if wait <= 0:
            return Taken(is_refused=False, fields=fields)
        return Taken(is_refused=True, fields=(*fields, ("retry-after", str(ceil(wait)))))

    def _bucket(self, name: str, model: str, now: float) -> _Bucket:
        key = name, model
        if key not in self._buckets:
            self._buckets[key] = _Bucket(self._rules[name], now)
        return self._buckets[key]


def _fields(name: str, bucket: _Bucket, dialect: Dialect, now: float) -> Iterator[tuple[str, str]]:
    used = bucket.used(now)
    remaining, seconds = int(bucket.limit - used), used * 60 / bucket.limit
    if dialect is OPENAI:
        yield f"x-ratelimit-limit-{name}", f"{bucket.limit:.0f}"
        yield f"x-ratelimit-remaining-{name}", str(remaining)
        yield f"x-ratelimit-reset-{name}", f"{round(seconds * 1000)}ms"
    elif dialect is ANTHROPIC:
        whole = datetime.fromtimestamp(ceil(now + seconds), UTC)
        yield f"anthropic-ratelimit-{name}-limit", f"{bucket.limit:.0f}"
        yield f"anthropic-ratelimit-{name}-remaining", str(remaining)
        yield f"anthropic-ratelimit-{name}-reset", f"{whole:%Y-%m-%dT%H:%M:%SZ}"
