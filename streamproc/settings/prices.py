"""Own prices of models."""

from pydantic import Field

from streamproc.settings.group import Group

__all__ = ["PriceSettings", "TierPriceSettings"]


class TierPriceSettings(Group):
    """Own price of a model on one service tier, in US dollars per million tokens."""

    input_usd: float = Field(..., ge=0, description="Input tokens.")
    output_usd: float = Field(..., ge=0, description="Output tokens, reasoning included.")
    cached_input_usd: float | None = Field(None, ge=0, description="Input read from the provider's cache.")
    cache_write_usd: float | None = Field(None, ge=0, description="Input written to the provider's cache.")
    cache_write_1h_usd: float | None = Field(
        None, ge=0, description="Input written to stay for an hour; without it, requests that ask for that are refused."
    )
    web_search_usd: float | None = Field(None, ge=0, description="One search by the provider's own tool.")


class PriceSettings(TierPriceSettings):
    """Own price of a model, in US dollars per million tokens."""

    tiers: dict[str, TierPriceSettings] = Field(
        default_factory=dict, description="Of other service tiers, by the name the provider has for them."
    )
