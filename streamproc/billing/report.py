"""The report: rows of the bill for people and for spreadsheets, from sums by key and basis. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args

from streamproc.billing.bill import SumRow
from streamproc.billing.sums import SUMS
from streamproc.records.usage import Basis

__all__ = ["BASES", "KEYS", "ReportRow", "report_rows", "shown_key", "total_row"]

KEYS = ("tenant", "model", "provider", "feature", "user", "day", "hour")
"""What a report can be by. Days and hours are those in which calls began, in UTC."""

BASES: tuple[Basis, ...] = get_args(Basis)
"""How sure a cost is, see `records.usage`."""

_HOUR_SECONDS = 3600
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class ReportRow:
    """Sums of one group.

    Attributes:
        keys: as people read them; None where lines name no user or feature.
        sums: by the names in `SUMS`; costs are of the lines with a known one.
        costs: lines and known nano-dollars by basis; nano-dollars are None where no line of it has a known cost.
    """

    keys: tuple[str | None, ...]
    sums: dict[str, int]
    costs: dict[Basis, tuple[int, int | None]]

    @property
    def cost_nanos(self) -> int | None:
        """What is known, added up; None where there are lines and none of them has a known cost."""
        return _known(self.sums)

    def as_json(self, by: Sequence[str]) -> dict[str, Any]:
        """Plain values; money is integer nano-dollars, null where it is not known."""
        return {
            **dict(zip(by, self.keys, strict=False)),
            **self.sums,
            "cost_nanos": self.cost_nanos,
            "basis": {basis: {"lines": lines, "cost_nanos": cost} for basis, (lines, cost) in self.costs.items()},
        }


def report_rows(sums: Iterable[SumRow], by: Sequence[str]) -> list[ReportRow]:
    """One row for each group, in the order of their keys."""
    groups: dict[tuple[str | int, ...], list[SumRow]] = {}
    for one in sums:
        groups.setdefault(one.keys, []).append(one)
    return [
        _row(tuple(shown_key(name, key) for name, key in zip(by, keys, strict=True)), groups[keys])
        for keys in sorted(groups)
    ]


def total_row(sums: Iterable[SumRow]) -> ReportRow:
    """All groups together; it has no keys."""
    return _row((), list(sums))


def shown_key(name: str, key: str | int) -> str | None:
    """A key as people read it."""
    if name == "day":
        return datetime.fromtimestamp(int(key) * _DAY_SECONDS, UTC).date().isoformat()
    if name == "hour":
        return datetime.fromtimestamp(int(key) * _HOUR_SECONDS, UTC).strftime("%Y-%m-%dT%H:%MZ")
    return str(key) or None


def _row(keys: tuple[str | None, ...], rows: Sequence[SumRow]) -> ReportRow:
    by_basis = {basis: _added(row.sums for row in rows if row.basis == basis) for basis in BASES}
    costs = {basis: (sums["lines"], _known(sums)) for basis, sums in by_basis.items()}
    return ReportRow(keys, _added(row.sums for row in rows), costs)


def _added(rows: Iterable[tuple[int, ...]]) -> dict[str, int]:
    totals = [0] * len(SUMS)
    for row in rows:
        totals = [one + more for one, more in zip(totals, row, strict=True)]
    return dict(zip(SUMS, totals, strict=True))


def _known(sums: dict[str, int]) -> int | None:
    return None if sums["lines"] and sums["lines"] == sums["unpriced"] else sums["cost_nanos"]
