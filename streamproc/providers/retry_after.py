"""How long a provider asks us to wait."""

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

__all__ = ["retry_after_seconds"]

_LIMITS = ("requests", "tokens", "project-tokens")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PIECE = r"(\d{1,9}(?:\.\d{1,9})?)(h|ms|us|µs|ns|m|s)"
_DURATION = re.compile(rf"(?:{_PIECE})+", re.ASCII)


def retry_after_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds from the first of these that says so, else None.

    `retry-after-ms`; `retry-after` (seconds, an HTTP date, or a duration as Go writes it, `6m0s`); the resets of those
    of OpenAI's limits of which nothing remains (`x-ratelimit-reset-tokens` beside `x-ratelimit-remaining-tokens: 0`).

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
    used_up = [limit for limit in _LIMITS if headers.get(f"x-ratelimit-remaining-{limit}") == "0"]
    resets = [_seconds(headers.get(f"x-ratelimit-reset-{limit}", "")) for limit in used_up]
    return max((reset for reset in resets if reset is not None), default=None)


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
