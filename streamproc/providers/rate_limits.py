"""What the headers of an answer say is left of the provider's limits. The hints of refusals stand in `retry_after`."""

from collections.abc import Iterable, Mapping

from streamproc.chain.allowance import Left, Remaining
from streamproc.providers.durations import number, seconds_of, seconds_until

__all__ = ["left_of"]

_MARK = "ratelimit"
_NOTHING = Left(None, None)
_REQUESTS = ("requests",)
_OPENAI_TOKENS = ("tokens", "project-tokens")
_ANTHROPIC_TOKENS = ("tokens", "input-tokens", "output-tokens")


def left_of(headers: Mapping[str, str], now: float) -> Left:
    """What is left of requests and tokens; of several limits of one kind the one of which least is left.

    OpenAI's `x-ratelimit-{limit,remaining,reset}-*` have durations, Anthropic's `anthropic-ratelimit-*-*` times.
    Without a reset, or with a negative number (Azure), a header says nothing.

    Args:
        headers: of the response, looked up in lower case.
        now: unix time in seconds.
    """
    for name in headers:
        if _MARK in name:
            break
    else:
        return _NOTHING  # as most servers: each answer comes by here
    return Left(
        _least((*_openai(headers, _REQUESTS), *_anthropic(headers, _REQUESTS, now))),
        _least((*_openai(headers, _OPENAI_TOKENS), *_anthropic(headers, _ANTHROPIC_TOKENS, now))),
    )


def _least(found: Iterable[Remaining]) -> Remaining | None:
    return min(found, key=lambda one: one.remaining, default=None)


def _openai(headers: Mapping[str, str], limits: Iterable[str]) -> Iterable[Remaining]:
    for limit in limits:
        remaining = number(headers.get(f"x-ratelimit-remaining-{limit}"))
        if remaining is not None:
            reset = seconds_of(headers.get(f"x-ratelimit-reset-{limit}", ""))
            if reset is not None:
                yield Remaining(number(headers.get(f"x-ratelimit-limit-{limit}")), remaining, reset)


def _anthropic(headers: Mapping[str, str], limits: Iterable[str], now: float) -> Iterable[Remaining]:
    for limit in limits:
        name = f"anthropic-ratelimit-{limit}"
        remaining = number(headers.get(f"{name}-remaining"))
        if remaining is not None:
            reset = seconds_until(headers.get(f"{name}-reset", ""), now)
            if reset is not None:
                yield Remaining(number(headers.get(f"{name}-limit")), remaining, reset)
