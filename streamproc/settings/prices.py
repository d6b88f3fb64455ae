"""Own prices of models: one table a model, with what changes by size, service tier and date below it."""

from datetime import UTC, date, datetime, time
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BeforeValidator, Field, model_validator

from streamproc.settings.group import Group

__all__ = ["DatedPriceSettings", "PeriodPriceSettings", "PriceSettings", "StepPriceSettings", "TierPriceSettings"]


def _midnight(value: Any) -> Any:
    """A date of TOML, or one in a variable, means its beginning in UTC."""
    if isinstance(value, str) and len(value) == len("2026-01-31"):
        value = date.fromisoformat(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(), UTC)
    return value


_Moment = Annotated[AwareDatetime, BeforeValidator(_midnight)]


_MOST = 1e6
"""A dollar for each token: with what a provider may report at most, the cost of a call stays within 64 bits."""


class _PlainPrice(Group):
    input_usd: float = Field(..., ge=0, le=_MOST, description="Input tokens.")
    output_usd: float = Field(..., ge=0, le=_MOST, description="Output tokens, reasoning included.")
    cached_input_usd: float | None = Field(None, ge=0, le=_MOST, description="Input read from the provider's cache.")
    cache_write_usd: float | None = Field(None, ge=0, le=_MOST, description="Input written to the provider's cache.")
    cache_write_1h_usd: float | None = Field(
        None,
        ge=0,
        le=_MOST,
        description="Input written to stay for an hour; without it, requests that ask for that are refused.",
    )
    web_search_usd: float | None = Field(None, ge=0, le=1, description="One search by the provider's own tool.")


class StepPriceSettings(_PlainPrice):
    """Own price of large calls, in US dollars per million tokens; it holds for all tokens of the call."""

    above_input_tokens: int = Field(..., ge=1, description="For calls with more input tokens than this.")


class TierPriceSettings(_PlainPrice):
    """Own price of a model on one service tier, in US dollars per million tokens."""

    steps: tuple[StepPriceSettings, ...] = Field((), description="Prices of larger calls, the smallest first.")

    @model_validator(mode="after")
    def _steps_ascend(self) -> Self:
        starts = [step.above_input_tokens for step in self.steps]
        for before, after in pairwise(starts):
            if after <= before:
                raise ValueError(f"steps: above_input_tokens {after} comes after {before}, and must be larger")
        return self


class PeriodPriceSettings(TierPriceSettings):
    """Own price of a model in a period, on all tiers."""

    valid_from: _Moment | None = Field(
        None, description="Calls before it have the price list's price, if there is one. Without it: always."
    )
    tiers: dict[str, TierPriceSettings] = Field(
        default_factory=dict, description="Of other service tiers, by the name the provider has for them."
    )


class DatedPriceSettings(PeriodPriceSettings):
    """Own price of a model from a date on, until the next one begins. Nothing of the price before it remains."""

    valid_from: _Moment = Field(..., description="A date, which begins in UTC, or a time with its zone.")


class PriceSettings(PeriodPriceSettings):
    """Own price of a model, in US dollars per million tokens."""

    later: tuple[DatedPriceSettings, ...] = Field((), description="Prices that follow this one, the earliest first.")

    @model_validator(mode="after")
    def _periods_follow_each_other(self) -> Self:
        begin = self.valid_from
        for price in self.later:
            if begin is not None and price.valid_from <= begin:
                raise ValueError(
                    f"later: a price is valid from {price.valid_from.isoformat()}, which is not after"
                    f" {begin.isoformat()}, when the one before it begins: the two periods would overlap"
                )
            begin = price.valid_from
        return self
