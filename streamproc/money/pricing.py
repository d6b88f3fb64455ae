"""The price book: own prices first, then the price list that genai-prices brings along. Nothing is fetched.

The list is imported at its first use, because that takes a third of a second.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING

from streamproc.money.own_prices import OwnRates
from streamproc.money.rates import STANDARD_TIERS, Rates, Step, picos
from streamproc.settings.prices import PriceSettings
from streamproc.settings.provider import ProviderSettings

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, ModelPrice, PriceVariant, TieredPrices

__all__ = ["PriceBook", "Prices"]

_PER_MILLION = 10**6
_PER_THOUSAND = 10**3

_COUNTED = frozenset(
    (
        "input_mtok",
        "output_mtok",
        "cache_read_mtok",
        "cache_write_mtok",
        "cache_write_1h_mtok",
        "output_reasoning_mtok",
        "requests_kcount",
        "web_searches_kcount",
    )
)
"""Prices that go with the token counts of a usage line, or with each call."""

_NOT_IN_TEXT_CALLS = frozenset(
    (
        "audio_hours",
        "cache_audio_read_mtok",
        "input_audio_hours",
        "input_audio_mtok",
        "input_video_mtok",
        "output_audio_mtok",
        "output_video_mtok",
        "storage_searches_kcount",
    )
)
"""Prices of what only a request that asks for it incurs, and none of ours can: sound, film, other hosted tools."""

_TIER = "service_tier"


class PriceBook:
    """Finds the rates of a model. Each price is turned into integers once.

    The book keeps what it found, and what it did not, by provider and model: ask it for models of the settings, not
    for whatever a record names.
    """

    def __init__(self, own: Mapping[str, Mapping[str, PriceSettings]]) -> None:
        """Takes own prices: provider's name in the settings → model → price."""
        self._own = {
            (provider, model): OwnRates(price) for provider, prices in own.items() for model, price in prices.items()
        }
        self._list: DataSnapshot | None = None
        self._models: dict[tuple[str | None, str | None, str], ModelInfo | None] = {}
        # By identity: a price of the list, and a variant of it, is one object for the list's whole life.
        self._listed: dict[tuple[int, ...], Rates | None] = {}

    def load(self) -> None:
        """Imports the price list. Blocks for up to 0.5 s: call it in a thread, before the work."""
        self._snapshot()

    def rates(
        self, provider: str, price_provider: str | None, base_url: str | None, model: str, at: datetime
    ) -> Rates | None:
        """The rates of a model at a time (with a zone), or None: the price is unknown, which is not free.

        Own prices go first, from their own date on. The list is searched by `price_provider`, an id of genai-prices,
        else by `base_url`; never by the model's name alone, since anybody may serve a model under that name. Unknown
        are also the models of the list that bill text calls by something we cannot count (Perplexity's citations, image
        tokens apart), and those without an input price (free offers): an own price settles it.
        """
        own = self._own.get((provider, model))
        if own is not None and (rates := own.at(at)) is not None:
            return rates
        found = self._find(price_provider, base_url, model)
        if found is None:
            return None
        # Not kept by time: some prices hold for hours of the day only, and this choice takes a microsecond.
        price = found.get_prices(at)
        variants = [variant for variant in found.price_variants or () if _is_tier(variant, at)]
        place = (id(price), *map(id, variants))
        if place not in self._listed:
            self._listed[place] = _listed_rates(found, at, variants)
        return self._listed[place]

    def _find(self, price_provider: str | None, base_url: str | None, model: str) -> "ModelInfo | None":
        place = (price_provider, base_url, model)
        if place not in self._models:
            self._models[place] = self._look_up(*place)
        return self._models[place]

    def _look_up(self, price_provider: str | None, base_url: str | None, model: str) -> "ModelInfo | None":
        if price_provider is None and base_url is None:
            return None
        try:
            _, found = self._snapshot().find_provider_model(model, None, price_provider, base_url)
        except LookupError:
            return None
        return found

    def _snapshot(self) -> "DataSnapshot":
        if self._list is None:
            from genai_prices import data, data_snapshot  # noqa: PLC0415 slow, and not needed for own prices

            # A list of our own: the library's is global to the process, and anybody may replace it.
            self._list = data_snapshot.DataSnapshot(providers=data.providers, from_auto_update=False)
        return self._list


class Prices:
    """The price book with the settings' own words: a provider by its name alone."""

    def __init__(self, providers: Mapping[str, ProviderSettings]) -> None:
        self._providers = providers
        self._book = PriceBook({name: provider.prices for name, provider in providers.items()})

    def load(self) -> None:
        """Imports the price list. Blocks for up to 0.5 s: call it in a thread, before the work."""
        self._book.load()

    def rates(self, provider: str, model: str, at: datetime) -> Rates | None:
        """The rates of a model of the settings at a time; None: the price is unknown, or the provider is."""
        settings = self._providers.get(provider)
        if settings is None:
            return None
        return self._book.rates(provider, settings.price_provider, settings.base_url, model, at)


def _maybe_picos(usd: Decimal | None, *, per: int) -> int | None:
    return None if usd is None else picos(usd, per=per)


def _is_tier(variant: "PriceVariant", at: datetime) -> bool:
    is_active = variant.constraint is None or variant.constraint.active(at)
    return is_active and variant.when.keys() == {_TIER} and variant.when[_TIER] not in STANDARD_TIERS


def _listed_rates(model: "ModelInfo", at: datetime, variants: "Sequence[PriceVariant]") -> Rates | None:
    steps = _listed_steps(model.get_prices(at))
    if steps is None:
        return None
    tiers = {
        name: found
        for name in (variant.when[_TIER] for variant in variants)
        if (found := _listed_steps(model.get_prices(at, {_TIER: name}))) is not None
    }
    return Rates(steps, f"genai-prices {version('genai-prices')}", tuple(tiers.items()))


def _listed_steps(price: "ModelPrice") -> tuple[Step, ...] | None:
    prices: dict[str, Decimal | TieredPrices] = {
        name: value for name, value in vars(price).items() if value is not None
    }
    if prices.keys() - _COUNTED - _NOT_IN_TEXT_CALLS or "input_mtok" not in prices:
        return None
    starts = {0}.union(*(_starts(value) for name, value in prices.items() if name in _COUNTED))
    return tuple(_listed_step(prices, start) for start in sorted(starts))


def _listed_step(prices: "Mapping[str, Decimal | TieredPrices]", start: int) -> Step:
    at = {name: _above(price, start) for name, price in prices.items() if name in _COUNTED}
    usd_input, usd_output = at["input_mtok"], at.get("output_mtok")
    return Step(
        above_input_tokens=start,
        input=picos(usd_input, per=_PER_MILLION),
        output=_maybe_picos(usd_output, per=_PER_MILLION),
        cached_input=picos(at.get("cache_read_mtok", usd_input), per=_PER_MILLION),
        cache_write=picos(at.get("cache_write_mtok", usd_input), per=_PER_MILLION),
        reasoning=_maybe_picos(at.get("output_reasoning_mtok", usd_output), per=_PER_MILLION),
        request=picos(at.get("requests_kcount", Decimal(0)), per=_PER_THOUSAND),
        cache_write_1h=_maybe_picos(at.get("cache_write_1h_mtok"), per=_PER_MILLION),
        web_search=_maybe_picos(at.get("web_searches_kcount"), per=_PER_THOUSAND),
    )


def _starts(price: "Decimal | TieredPrices") -> Iterable[int]:
    return () if isinstance(price, Decimal) else (tier.start for tier in price.tiers)


def _above(price: "Decimal | TieredPrices", start: int) -> Decimal:
    """The price of calls with a little more than `start` input tokens: a step's price holds for all its tokens."""
    if isinstance(price, Decimal):
        return price
    reached = [tier.price for tier in price.tiers if tier.start <= start]  # genai-prices sorts them
    return reached[-1] if reached else price.base
