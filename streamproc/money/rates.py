"""Rates: what a model costs, as integers.

The unit is the pico-dollar (10^-12 $) per token, because one dollar per million tokens is exactly 1,000,000 of them.
A price that is no whole number of pico-dollars is rounded up.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

__all__ = ["STANDARD_TIERS", "Rates", "Step", "picos"]

_PICOS_PER_USD = 10**12

STANDARD_TIERS = frozenset(("default", "standard", "on_demand"))
"""What providers call the tier that a plain request is answered on: OpenAI, Anthropic, Groq."""


@dataclass(frozen=True, slots=True)
class Step:
    """Pico-dollars per token, for calls with more than `above_input_tokens` input tokens (the first step: for all).

    `request` are pico-dollars of the call itself, beside its tokens, and `web_search` those of one search by the
    provider's own tool. None is a price that is not known; the model of an embedding has none for output.
    """

    above_input_tokens: int
    input: int
    output: int | None
    cached_input: int
    cache_write: int
    reasoning: int | None
    request: int
    cache_write_1h: int | None = None
    web_search: int | None = None


@dataclass(frozen=True, slots=True)
class Rates:
    """The price of a model at one time.

    Attributes:
        steps: at least one, ascending; the last step a call reaches holds for all its tokens.
        version: the price list they come from, or `settings`.
        tiers: steps of other service tiers by name.
    """

    steps: tuple[Step, ...]
    version: str
    tiers: tuple[tuple[str, tuple[Step, ...]], ...] = ()

    def on(self, tier: str | None) -> tuple[Step, ...] | None:
        """The steps of a service tier, of the standard one for None; None when its price is not known."""
        for name, steps in self.tiers:
            if name == tier:
                return steps
        return self.steps if tier is None or tier in STANDARD_TIERS else None


def picos(usd: Decimal, *, per: int) -> int:
    """Pico-dollars of one piece, from US dollars per so many pieces; rounded up."""
    return int((usd * _PICOS_PER_USD / per).to_integral_value(ROUND_CEILING))
