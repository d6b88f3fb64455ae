"""Fields of a provider's JSON: read with distrust, because servers differ and some are wrong."""

from typing import Any

import orjson

from streamproc.providers.origin import Origin

__all__ = ["SHAPE_FAULTS", "count", "missing", "parsed", "part", "reason", "text"]

SHAPE_FAULTS = (AttributeError, IndexError, KeyError, TypeError)
"""What reading JSON raises that does not have the shape it should have."""

_MAX_REASON_CHARACTERS = 64
_MOST_TOKENS = 10**9  # more than any context holds: a figure above makes no sense


def parsed(data: bytes, origin: Origin) -> Any:
    """The JSON.

    Raises:
        MalformedStream: it is none.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as exc:
        raise origin.malformed(f"no valid JSON: {exc}") from exc


def text(value: Any) -> str | None:
    """A text; None for null, nothing and an empty text.

    Raises:
        TypeError: it is something else.
    """
    if value is None or type(value) is str:
        return value or None
    raise TypeError(f"text expected, not {type(value).__name__}")


def reason(value: Any, origin: Origin) -> str | None:
    """A word of the provider about the answer, without our credentials and cut to a length that no topic refuses.

    None for null, nothing and an empty text.

    Raises:
        TypeError: it is something else.
    """
    said = text(value)
    return None if said is None else origin.redact(said)[:_MAX_REASON_CHARACTERS]


def missing(what: str, said: str | None) -> str:
    """What an answer ended without, when nobody knows that what it said is a good end."""
    return what if said is None else f"{what} that is known: {said!r} may be a cut"


def count(usage: Any, name: str) -> int | None:
    """A figure of a usage object; None when it is missing or makes no sense."""
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else None


def part(figure: int | None, whole: int | None) -> int | None:
    """A figure that is a part of another; None when it cannot be."""
    return None if figure is None or whole is None or figure > whole else figure
