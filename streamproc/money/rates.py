"""Rates: what a model costs, as integers.

The unit is the pico-dollar (10^-12 $) per token, because one dollar per million tokens is exactly 1,000,000 of them.
A price that is no whole number of pico-dollars is rounded up.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

__all__ = ["Rates", "Step", "picos"]

_PICOS_PER_USD = 10**12


@dataclass(frozen=True, slots=True)
class Step:
    """Pico-dollars per token, for calls with more than `above_input_tokens` input tokens (the first step: for all).

    `request` are pico-dollars of the call itself, beside its tokens.
    """

    above_input_tokens: int
    input: int
    output: int
    cached_input: int
    cache_write: int
    reasoning: int
    request: int


@dataclass(frozen=True, slots=True)
class Rates:
    """The price of a model at one time.

    Attributes:
        steps: at least one, ascending; the last step a call reaches holds for all its tokens.
        version: the price list they come from, or `settings`.
    """

    steps: tuple[Step, ...]
    version: str

    def step(self, input_tokens: int) -> Step:
        """The step for a call with this many input tokens, cached ones included."""
        reached = self.steps[0]
        for step in self.steps[1:]:
            if input_tokens <= step.above_input_tokens:
                break
            reached = step
        return reached


def picos(usd: Decimal, *, per: int) -> int:
    """Pico-dollars of one piece, from US dollars per so many pieces; rounded up."""
    return int((usd * _PICOS_PER_USD / per).to_integral_value(ROUND_CEILING))
