"""Totals over usage lines. Pure."""

from typing import NamedTuple

from streamproc.billing.line import BilledLine

__all__ = ["Total"]


class Total(NamedTuple):
    """Lines, those of them without a known cost, and what is known, added up."""

    lines: int = 0
    unpriced: int = 0
    cost_nanos: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def plus(self, line: BilledLine) -> "Total":
        """With one line more."""
        return Total(
            self.lines + 1,
            self.unpriced + (line.cost_nanos is None),
            self.cost_nanos + (line.cost_nanos or 0),
            self.input_tokens + (line.input_tokens or 0),
            self.output_tokens + (line.output_tokens or 0),
        )

    def minus(self, other: "Total") -> "Total":
        """The difference, number by number."""
        return Total(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))
