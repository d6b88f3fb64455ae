"""How long a provider asks us to wait, and whether a further try makes sense to it."""

import math
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

__all__ = ["retry_after_seconds", "should_retry", "used_up_seconds"]

_LIMITS = ("requests", "tokens", "project-tokens")
_ANTHROPIC_LIMITS = ("requests", "tokens", "input-tokens", "output-tokens")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PIECE = r"(\d{1,9}(?:\.\d{1,9})?)(h|ms|us|µs|ns|m|s)"
_DURATION = re.compile(rf"(?:{_PIECE})+", re.ASCII)


def retry_after_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds from the first of these that says so, else None.

    `retry-after-ms`; `retry-after` (seconds, an HTTP date, or a duration as Go writes it, `6m0s`); `used_up_seconds`.

    Args:
        headers: of the response, looked up in lower case.
        now: unix time in seconds, to which a date is compared; a date in the past is 0 seconds.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    if (text := headers.get("retry-after")) is not None:
        seconds = _seconds(text)
        return _until(text, now) if seconds is None else seconds
    return used_up_seconds(headers, now)


def used_up_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until the reset of those limits of which nothing remains; also an answer can say that it was the last.

    OpenAI's (`x-ratelimit-reset-tokens` beside `x-ratelimit-remaining-tokens: 0`) and Anthropic's
    (`anthropic-ratelimit-tokens-reset`, a time in RFC 3339). Azure sends a zero without a reset, which says nothing.
    """
    resets = [
        _seconds(headers.get(f"x-ratelimit-reset-{limit}", ""))
        for limit in _LIMITS
        if headers.get(f"x-ratelimit-remaining-{limit}") == "0"
    ]
    resets += [
        _until_time(headers.get(f"anthropic-ratelimit-{limit}-reset", ""), now)
        for limit in _ANTHROPIC_LIMITS
        if headers.get(f"anthropic-ratelimit-{limit}-remaining") == "0"
    ]
    return max((reset for reset in resets if reset is not None), default=None)


def should_retry(headers: Mapping[str, str]) -> bool | None:
    """Whether the same request may be sent again, by the header of that name of OpenAI and Anthropic."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", ""))


def _until_time(time: str, now: float) -> float | None:
    try:
        at = datetime.fromisoformat(time)
    except ValueError:
        return None
    return max(0.0, at.timestamp() - now) if at.tzinfo is not None else None


def _until(date: str, now: float) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _seconds(text: str) -> float | None:
    """A plain number of seconds, or a duration."""
    if (seconds := _number(text)) is not None:
        return seconds
    if _DURATION.fullmatch(text.strip()) is None:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in re.findall(_PIECE, text))


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
