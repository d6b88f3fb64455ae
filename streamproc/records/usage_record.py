"""From a record of the usage topic to its line: one rule for budgets, bills and commands."""

import re
from collections.abc import Iterable

from pydantic import ValidationError

from streamproc.errors import StreamprocError
from streamproc.records.codec import decode_usage
from streamproc.records.usage import UsageLine

__all__ = ["UnreadableRecord", "read_usage"]

_READ_VERSION = 2  # one more than workers write: readers are upgraded first
_USAGE_TYPE = re.compile(rb"streamproc\.usage\.v(\d{1,9})")
_READABLE = frozenset(b"streamproc.usage.v%d" % version for version in range(1, _READ_VERSION + 1))


class UnreadableRecord(StreamprocError):
    """A record of the usage topic is no usage line that this program can read; the message says why."""


def read_usage(headers: Iterable[tuple[str, bytes | None]], value: bytes | None) -> UsageLine:
    """The usage line in a record; fields that a newer version may have added are passed over.

    Raises:
        UnreadableRecord: it is damaged, is something else, or is of a version that this program does not know.
    """
    for name, kind in headers:
        if name == "ce_type" and kind not in _READABLE:
            raise UnreadableRecord(_wrong_kind(kind or b""))
    if value is None:
        raise UnreadableRecord("the record has no value")
    try:
        return decode_usage(value)
    except ValidationError as exc:
        raise UnreadableRecord(_why(exc)) from exc


def _wrong_kind(kind: bytes) -> str:
    version = _USAGE_TYPE.fullmatch(kind)
    if version is None:
        return f"header ce_type is {kind.decode('utf-8', 'replace')[:80]!r}, not streamproc.usage.v1"
    return f"it is a usage line of version {int(version[1])}; this program reads up to {_READ_VERSION}: upgrade it"


def _why(exc: ValidationError) -> str:
    problem = exc.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in problem["loc"])[:100]
    said = problem["msg"][:1].lower() + problem["msg"][1:]
    return f"{place}: {said}" if place else said
