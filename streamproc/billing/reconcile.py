"""Reconciliation: the bill held against a provider's account, by day and model or call by call. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from streamproc.billing.bill import SumRow
from streamproc.billing.export import FIGURES, CallExport, DayExport, Figures, ServedCall
from streamproc.billing.line import BilledLine
from streamproc.billing.sums import SUMS

__all__ = ["Calls", "Comparison", "compare_calls", "compare_days", "family"]

_DATE = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2})$", re.ASCII)


class Comparison(NamedTuple):
    """One figure of a day and a model; None for the model is all of them.

    `unsure` counts lines of ours whose usage the provider did not tell us: what they were in truth, it alone knows.
    """

    day: int
    model: str | None
    figure: str
    ours: int
    theirs: int
    slack: int
    unsure: int

    @property
    def is_equal(self) -> bool:
        """Whether they differ by no more than both sides' rounding."""
        return abs(self.ours - self.theirs) <= self.slack


def family(model: str) -> str:
    """A model's name without the date at its end: requests may leave it out, and exports name it."""
    return _DATE.sub("", model)


def compare_days(sums: Iterable[SumRow], export: DayExport) -> Iterator[Comparison]:
    """Every figure that the export tells.

    Args:
        sums: of the export's provider and days, by day and model.
        export: of the provider. One that is not by model is compared with all models of a day together.
    """
    by_model = all(model is not None for _, model in export.rows)
    ours: dict[tuple[int, str | None], Figures] = {}
    unsure: dict[tuple[int, str | None], int] = {}
    for row in sums:
        if row.basis == "cache":  # the provider never heard of it
            continue
        key = (int(row.keys[0]), family(str(row.keys[1])) if by_model else None)
        ours[key] = ours.get(key, Figures()).plus(_figures(row))
        unsure[key] = unsure.get(key, 0) + (row.sums[0] if row.basis != "provider" else 0)
    theirs: dict[tuple[int, str | None], Figures] = {}
    for (day, model), figures in export.rows.items():
        key = (day, family(model) if by_model and model is not None else None)
        theirs[key] = theirs.get(key, Figures()).plus(figures)
    told = [figure for figure in FIGURES if any(getattr(one, figure) is not None for one in theirs.values())]
    for key in sorted(ours.keys() | theirs.keys(), key=lambda key: (key[0], key[1] or "")):
        mine, other = ours.get(key, Figures()), theirs.get(key, Figures())
        for figure in told or FIGURES[:1]:
            slack = mine.slack_nanos + other.slack_nanos if figure == "cost_nanos" else 0
            yield Comparison(
                *key, figure, getattr(mine, figure) or 0, getattr(other, figure) or 0, slack, unsure.get(key, 0)
            )


def _figures(row: SumRow) -> Figures:
    sums = dict(zip(SUMS, row.sums, strict=True))
    return Figures(
        requests=sums["lines"],
        input_tokens=sums["input_tokens"],
        output_tokens=sums["output_tokens"],
        cached_input_tokens=sums["cached_input_tokens"],
        cost_nanos=sums["cost_nanos"],
        slack_nanos=sums["lines"],  # each of our costs was rounded up to a whole nano-dollar
    )


@dataclass(slots=True)
class Calls:
    """What a comparison call by call has found so far.

    Attributes:
        equal: lines with the usage that the server counted.
        different: lines with another one, and what the server counted.
        only_ours: lines by the provider's usage of which the server knows nothing.
        only_theirs: calls with usage of which there is no line.
        unsure: lines of calls that were cut, estimated or billed as the most they can have been.
        unsure_ours: their tokens on the bill.
        unsure_theirs: their tokens as the server counted them.
    """

    equal: int = 0
    different: list[tuple[BilledLine, ServedCall]] = field(default_factory=list)
    only_ours: list[BilledLine] = field(default_factory=list)
    only_theirs: list[str] = field(default_factory=list)
    unsure: int = 0
    unsure_ours: int = 0
    unsure_theirs: int = 0

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs, apart from lines that say themselves that they are not sure."""
        return not (self.different or self.only_ours or self.only_theirs)


def compare_calls(lines: Iterable[BilledLine], export: CallExport) -> Calls:
    """Each line with the call of its usage id."""
    found = Calls()
    left: dict[str, ServedCall] = dict(export.calls)
    for line in lines:
        call = left.pop(line.usage_id, None)
        if line.basis == "cache":
            continue
        if line.basis != "provider":
            found.unsure += 1
            found.unsure_ours += (line.input_tokens or 0) + (line.output_tokens or 0)
            found.unsure_theirs += 0 if call is None else call.input_tokens + call.output_tokens
        elif call is None:
            found.only_ours.append(line)
        elif _is_same(line, call):
            found.equal += 1
        else:
            found.different.append((line, call))
    found.only_theirs = [name for name, call in left.items() if call.used]
    return found


def _is_same(line: BilledLine, call: ServedCall) -> bool:
    pairs: Mapping[str, int] = {
        "input_tokens": call.input_tokens,
        "output_tokens": call.output_tokens,
        "cached_input_tokens": call.cached_input_tokens,
        "cache_write_tokens": call.cache_write_tokens,
        "reasoning_tokens": call.reasoning_tokens,
    }
    # What an API does not tell at all is not known to us, and no difference.
    return all(getattr(line, name) in (None, theirs) for name, theirs in pairs.items())
