"""The tables of a bill, the same in every database."""

from typing import NamedTuple

from streamproc.billing.line import BilledLine
from streamproc.billing.sums import ROLLUPS, SUMS

__all__ = ["LINES", "TABLES", "VERSION", "Table"]

VERSION = 1
"""Of these tables; a store that a newer program made is refused."""


class Table(NamedTuple):
    """A table. `columns` are names and kinds: `text`, `integer` (64 bits) or `bytes`; a question mark allows null.

    Rows with the same `key` cannot stand in it twice.
    """

    name: str
    columns: dict[str, str]
    key: tuple[str, ...]


_NUMBERS = {"attempt", "started_us", "ended_us"}
_OPTIONAL_NUMBERS = {"cost_nanos", "web_searches", *(name for name in BilledLine._fields if name.endswith("_tokens"))}
_OPTIONAL_TEXTS = {"user_name", "feature", "price_version", "service_tier", "reason"}


def _kind(name: str) -> str:
    if name in _NUMBERS:
        return "integer"
    if name in _OPTIONAL_NUMBERS:
        return "integer?"
    return "text?" if name in _OPTIONAL_TEXTS else "text"


_PLACE = {"topic": "text", "partition": "integer", "record_offset": "integer"}

LINES = Table("usage_lines", {name: _kind(name) for name in BilledLine._fields} | _PLACE, ("usage_id",))
"""Every usage line, once, and where it stands in the usage topic."""

_SUMS = tuple(
    Table(
        rollup.table,
        {rollup.time: "integer"} | dict.fromkeys(rollup.keys, "text") | dict.fromkeys(SUMS, "integer"),
        (rollup.time, *rollup.keys),
    )
    for rollup in ROLLUPS
)

TABLES = (
    LINES,
    *_SUMS,
    # How far each partition of the usage topic was read; written with the lines, so that the two cannot differ.
    Table("usage_offsets", {"topic": "text", "partition": "integer", "next_offset": "integer"}, ("topic", "partition")),
    # Lines whose usage_id another line has: they are not on the bill, and not forgotten.
    Table(
        "usage_conflicts",
        {**_PLACE, "usage_id": "text", "value": "bytes", "noted_us": "integer"},
        tuple(_PLACE),
    ),
    # Records of the usage topic that were passed over because they cannot be read.
    Table("usage_unreadable", {**_PLACE, "reason": "text", "noted_us": "integer"}, tuple(_PLACE)),
    # Records that were gone before they were read: from the first offset up to and without the second one.
    Table("usage_gaps", {**_PLACE, "until_offset": "integer", "noted_us": "integer"}, tuple(_PLACE)),
    Table("usage_store", {"version": "integer"}, ("version",)),
)
