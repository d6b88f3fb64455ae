"""How long a provider asks us to wait, and whether a further try makes sense to it."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from streamproc.providers.durations import number, seconds_of, seconds_until

__all__ = ["retry_after_seconds", "should_retry", "used_up_seconds"]

_LIMITS = ("requests", "tokens", "project-tokens")
_ANTHROPIC_LIMITS = ("requests", "tokens", "input-tokens", "output-tokens")


def retry_after_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds from the first of these that says so, else None.

    `retry-after-ms`; `retry-after` (seconds, an HTTP date, or a duration as Go writes it, `6m0s`); `used_up_seconds`.

    Args:
        headers: of the response, looked up in lower case.
        now: unix time in seconds, to which a date is compared; a date in the past is 0 seconds.
    """
    milliseconds = number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    if (text := headers.get("retry-after")) is not None:
        seconds = seconds_of(text)
        return _until(text, now) if seconds is None else seconds
    return used_up_seconds(headers, now)


def used_up_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until the reset of those limits of which nothing remains; what a refusal without a hint says.

    OpenAI's (`x-ratelimit-reset-tokens` beside `x-ratelimit-remaining-tokens: 0`) and Anthropic's
    (`anthropic-ratelimit-tokens-reset`, a time in RFC 3339). Azure sends a zero without a reset, which says nothing.
    """
    resets = [
        seconds_of(headers.get(f"x-ratelimit-reset-{limit}", ""))
        for limit in _LIMITS
        if headers.get(f"x-ratelimit-remaining-{limit}") == "0"
    ]
    resets += [
        seconds_until(headers.get(f"anthropic-ratelimit-{limit}-reset", ""), now)
        for limit in _ANTHROPIC_LIMITS
        if headers.get(f"anthropic-ratelimit-{limit}-remaining") == "0"
    ]
    return max((reset for reset in resets if reset is not None), default=None)


def should_retry(headers: Mapping[str, str]) -> bool | None:
    """Whether the same request may be sent again, by the header of that name of OpenAI and Anthropic."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", ""))


def _until(date: str, now: float) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - now)
    except (ValueError, OverflowError):
        return None
