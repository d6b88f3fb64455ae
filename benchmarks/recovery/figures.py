"""Figures: what a scenario found, what is wanted, and the table of it all."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import median
from typing import Any, Literal

from benchmarks.load import quantile

__all__ = ["Figure", "content", "largest_gap", "rendered"]

_WIDTH = 88


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that was measured several times.

    Attributes:
        name: what was measured.
        unit: of the values: s, ms, calls, lines, partitions, x (times).
        values: one for each time.
        limit: what is wanted at most; None says that nothing is.
        of: which of the values has to keep it.
    """

    name: str
    unit: str
    values: Sequence[float]
    limit: float | None = None
    of: Literal["highest", "median"] = "highest"

    @property
    def is_met(self) -> bool | None:
        """Whether the limit is kept; None without a limit or without values."""
        if self.limit is None or not self.values:
            return None
        return (max(self.values) if self.of == "highest" else median(self.values)) <= self.limit

    def summary(self) -> dict[str, float]:
        """Lowest, median, 99th percentile and highest value; nothing without values."""
        values = list(self.values)
        if not values:
            return {}
        return {"lowest": min(values), "median": median(values), "p99": quantile(values, 0.99), "highest": max(values)}


def largest_gap(times: Sequence[float], begin: float, end: float) -> float:
    """The longest time between two of these moments within begin and end, which both count as moments."""
    moments = [begin, *sorted(at for at in times if begin < at < end), end]
    return max(later - earlier for earlier, later in pairwise(moments))


def content(figures: Mapping[str, Sequence[Figure]]) -> dict[str, Any]:
    """The same for JSON."""
    return {
        scenario: [asdict(figure) | figure.summary() | {"is_met": figure.is_met} for figure in found]
        for scenario, found in figures.items()
    }


def rendered(title: str, figures: Sequence[Figure]) -> str:
    """The table of a scenario as text."""
    titles = "".join(f"{name:>9}" for name in ("count", "lowest", "median", "p99", "highest"))
    return "\n".join([f"{title:<{_WIDTH}}{titles}   wanted", *map(_line, figures)])


def _line(figure: Figure) -> str:
    digits = 2 if figure.unit in {"s", "x"} else 0
    values = "".join(f"{value:>9,.{digits}f}" for value in figure.summary().values())
    verdict = {True: "kept", False: "FALLS SHORT", None: ""}[figure.is_met]
    wanted = "" if figure.limit is None else f"   {figure.of} at most {figure.limit:g}: {verdict}"
    return f"{f'  {figure.name} [{figure.unit}]':<{_WIDTH}}{len(figure.values):>9}{values}{wanted}"
