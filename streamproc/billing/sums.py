"""What a batch of lines adds to the bill: which are new, which were there, and the sums of the new ones. Pure."""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import NamedTuple

from streamproc.billing.line import HOUR_US, BilledLine

__all__ = ["DAYS", "HOURS", "ROLLUPS", "SUMS", "Rollup", "Sorted", "Taken", "sort_out", "sums_of"]

SUMS = (
    "lines",
    "unpriced",
    "uncounted",
    "cost_nanos",
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "web_searches",
)
"""What is added up: lines; those without a known cost; those whose input or output is not known; and what is known, in
the order of a line's `numbers`."""


class Rollup(NamedTuple):
    """A table of sums.

    Attributes:
        table: its name.
        time: its first column, whole periods of so many hours since 1970 in UTC.
        hours: of a period.
        keys: its other columns, which are columns of a line.
    """

    table: str
    time: str
    hours: int
    keys: tuple[str, ...]


DAYS = Rollup("usage_days", "day", 24, ("tenant", "provider", "model", "basis"))
"""Stays small however many users there are."""

HOURS = Rollup("usage_hours", "hour", 1, (*DAYS.keys, "feature", "user_name"))

ROLLUPS = (DAYS, HOURS)


class Taken(NamedTuple):
    """A line, and where in the usage topic it stands. `value` is the record's, for the case of a conflict."""

    partition: int
    offset: int
    line: BilledLine
    value: bytes


class Sorted(NamedTuple):
    """Lines by what becomes of them.

    Attributes:
        new: of ids that are not known yet.
        repeated: how many say again what is there.
        conflicts: those that say something else under the id of another line.
    """

    new: list[Taken]
    repeated: int
    conflicts: list[Taken]


def sort_out(taken: Iterable[Taken], known: Mapping[str, BilledLine]) -> Sorted:
    """Tells new lines from repeated ones and from conflicts; `known` are the lines in the store with the same ids."""
    seen = dict(known)
    new, conflicts = [], []
    repeated = 0
    for one in taken:
        line = one.line
        there = seen.get(line.usage_id)
        if there is None:
            seen[line.usage_id] = line
            new.append(one)
        elif there == line:
            repeated += 1
        else:
            conflicts.append(one)
    return Sorted(new, repeated, conflicts)


def sums_of(lines: Iterable[BilledLine], rollup: Rollup) -> list[tuple[int | str, ...]]:
    """Rows of a table of sums: the time in which the calls began, the keys with an empty text for None, the sums."""
    names_of: Callable[[BilledLine], tuple[str | None, ...]] = attrgetter(*rollup.keys)
    period_us = rollup.hours * HOUR_US
    rows: dict[tuple[int, tuple[str | None, ...]], list[int]] = {}
    for line in lines:
        key = (line.started_us // period_us, names_of(line))
        row = rows.get(key)
        if row is None:
            row = rows[key] = [0] * len(SUMS)
        row[0] += 1
        row[1] += line.cost_nanos is None
        row[2] += line.input_tokens is None or line.output_tokens is None
        for position, number in enumerate(line.numbers, 3):
            if number:
                row[position] += number
    return [(time, *[name or "" for name in names], *row) for (time, names), row in rows.items()]
