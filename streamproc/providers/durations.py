"""How providers write durations and times in headers."""

import math
import re
from datetime import datetime

__all__ = ["number", "seconds_of", "seconds_until"]

_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PIECE = r"(\d{1,9}(?:\.\d{1,9})?)(h|ms|us|µs|ns|m|s)"
_DURATION = re.compile(rf"(?:{_PIECE})+", re.ASCII)


def number(text: str | None) -> float | None:
    """A finite number from 0 on, else None."""
    try:
        found = float(text or "")
    except ValueError:
        return None
    return found if math.isfinite(found) and found >= 0 else None


def seconds_of(text: str) -> float | None:
    """A plain number of seconds, or a duration as Go writes it (`6m0s`), else None."""
    if (seconds := number(text)) is not None:
        return seconds
    if _DURATION.fullmatch(text.strip()) is None:
        return None
    return sum(float(count) * _SECONDS[unit] for count, unit in re.findall(_PIECE, text))


def seconds_until(time: str, now: float) -> float | None:
    """Seconds from `now`, a unix time, to a time of RFC 3339 with its zone, 0 when it is over; else None."""
    try:
        at = datetime.fromisoformat(time)
    except ValueError:
        return None
    return max(0.0, at.timestamp() - now) if at.tzinfo is not None else None
