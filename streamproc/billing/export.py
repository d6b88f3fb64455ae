"""A provider's own account of what was used: figures by day and model, or call by call."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["FIGURES", "CallExport", "DayExport", "Figures", "ServedCall"]

FIGURES = ("requests", "input_tokens", "output_tokens", "cached_input_tokens", "cost_nanos")
"""What is compared, as far as the export tells it."""


class Figures(NamedTuple):
    """Figures of a model and a day; None is what the export does not tell.

    `slack_nanos` is how much rounding can have changed the cost.
    """

    requests: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    cost_nanos: int | None = None
    slack_nanos: int = 0

    def plus(self, other: "Figures") -> "Figures":
        """Both together; what one of them does not tell is what the other one tells."""
        return Figures(
            _sum(self.requests, other.requests),
            _sum(self.input_tokens, other.input_tokens),
            _sum(self.output_tokens, other.output_tokens),
            _sum(self.cached_input_tokens, other.cached_input_tokens),
            _sum(self.cost_nanos, other.cost_nanos),
            self.slack_nanos + other.slack_nanos,
        )


def _sum(one: int | None, more: int | None) -> int | None:
    return more if one is None else one if more is None else one + more


@dataclass(frozen=True, slots=True)
class DayExport:
    """Figures by day (since 1970, UTC) and model; the model is None in an export that is not by model.

    `days` are those it speaks of, also where nothing was used.
    """

    days: range
    rows: Mapping[tuple[int, str | None], Figures]


class ServedCall(NamedTuple):
    """A call as its server counted it; `is_whole` when the answer came to its end."""

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    is_whole: bool

    @property
    def used(self) -> bool:
        """Whether there is anything to pay for."""
        return bool(self.input_tokens or self.output_tokens)


@dataclass(frozen=True, slots=True)
class CallExport:
    """Calls by the name that the worker gave them, the usage id of its line; `unnamed` calls have none."""

    calls: Mapping[str, ServedCall]
    unnamed: int
