"""Rates: what a model costs, as integers.

The unit is the pico-dollar (10^-12 $) per token, because one dollar per million tokens is exactly 1,000,000 of them.
A price that is no whole number of pico-dollars is rounded up.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

__all__ = ["STANDARD_TIERS", "Ceiling", "Rates", "Step", "picos"]

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


class Ceiling(NamedTuple):
    """The most that a call can be charged on a tier, in pico-dollars, whichever step it reaches and whatever is cached.

    `hour_input` is the same as `input` where input may be written to the provider's cache to stay for an hour.
    None: something has no known price.
    """

    request: int
    input: int | None
    hour_input: int | None
    output: int | None


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
    _ceilings: dict[str | None, Ceiling] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Looks for the dearest steps once: each call asks for them."""
        ceilings = {tier: _ceiling(steps) for tier, steps in ((None, self.steps), *self.tiers)}
        object.__setattr__(self, "_ceilings", ceilings)

    def on(self, tier: str | None) -> tuple[Step, ...] | None:
        """The steps of a service tier, of the standard one for None; None when its price is not known."""
        for name, steps in self.tiers:
            if name == tier:
                return steps
        return self.steps if tier is None or tier in STANDARD_TIERS else None

    def ceiling(self, tier: str) -> Ceiling | None:
        """The most on a service tier; None when its price is not known."""
        found = self._ceilings.get(tier)
        return self._ceilings[None] if found is None and tier in STANDARD_TIERS else found


def _ceiling(steps: tuple[Step, ...]) -> Ceiling:
    inputs: list[int | None] = [price for step in steps for price in (step.input, step.cached_input, step.cache_write)]
    return Ceiling(
        request=max(step.request for step in steps),
        input=_dearest(inputs),
        hour_input=_dearest([*inputs, *(step.cache_write_1h for step in steps)]),
        output=_dearest(price for step in steps for price in (step.output, step.reasoning)),
    )


def _dearest(prices: Iterable[int | None]) -> int | None:
    dearest = 0
    for price in prices:
        if price is None:
            return None
        dearest = max(dearest, price)
    return dearest


def picos(usd: Decimal, *, per: int) -> int:
    """Pico-dollars of one piece, from US dollars per so many pieces; rounded up."""
    return int((usd * _PICOS_PER_USD / per).to_integral_value(ROUND_CEILING))
