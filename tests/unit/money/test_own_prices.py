"""Own prices: by tier, size and date, before the price list."""

from datetime import UTC, datetime, timedelta, timezone

import genai_prices

from streamproc.money.cost import cost_nanos
from streamproc.money.pricing import PriceBook, Prices
from streamproc.records.usage import TokenCounts
from streamproc.settings.prices import DatedPriceSettings, PriceSettings, StepPriceSettings, TierPriceSettings
from streamproc.settings.provider import ProviderSettings

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
OPENAI = "https://api.openai.com/v1"


def test_own_price_goes_first() -> None:
    """A price of the settings beats the list, for its provider and model only."""
    own = PriceSettings(input_usd=0.1, output_usd=0.3, cached_input_usd=0.01, cache_write_usd=None)
    book = PriceBook({"mine": {"gpt-4o-mini": own}})
    rates = book.rates("mine", None, OPENAI, "gpt-4o-mini", NOW)
    assert rates is not None
    assert rates.version == "settings"
    step = rates.steps[0]
    assert (step.input, step.output, step.cached_input, step.cache_write) == (100_000, 300_000, 10_000, 100_000)
    for provider, model in (("other", "gpt-4o-mini"), ("mine", "gpt-4o")):
        listed = book.rates(provider, None, OPENAI, model, NOW)
        assert listed is not None
        assert listed.version != "settings"


def test_own_prices_of_tiers_hours_and_searches() -> None:
    """What the owner leaves out is not known, where it is no plain input; a search is priced by the piece."""
    flex = TierPriceSettings(input_usd=0.5, output_usd=1, web_search_usd=0.01)
    own = PriceSettings(input_usd=1, output_usd=2, cache_write_1h_usd=2, tiers={"flex": flex, "scale": flex})
    rates = PriceBook({"mine": {"m": own}}).rates("mine", None, None, "m", NOW)
    assert rates is not None
    step, (cheap,) = rates.steps[0], rates.on("flex") or ()
    assert (step.cache_write_1h, step.web_search) == (2_000_000, None)
    assert (cheap.input, cheap.cache_write_1h, cheap.web_search) == (500_000, None, 10**10)
    assert rates.on("scale") == rates.on("flex")
    assert rates.on("priority") is None


def test_own_prices_of_large_calls() -> None:
    """The last step that a call reaches holds for all its tokens, on each tier by its own steps."""
    flex = TierPriceSettings(input_usd=0.5, output_usd=1)
    step = StepPriceSettings(above_input_tokens=1000, input_usd=2, output_usd=3, cached_input_usd=0.5)
    own = PriceSettings(input_usd=1, output_usd=2, steps=(step,), tiers={"flex": flex})
    rates = PriceBook({"mine": {"m": own}}).rates("mine", None, None, "m", NOW)
    assert rates is not None
    assert cost_nanos(rates, TokenCounts(input=1000, output=10, cached_input=10)) == 1000 * 1000 + 10 * 2000
    assert cost_nanos(rates, TokenCounts(input=1001, output=10, cached_input=10)) == 991 * 2000 + 10 * 500 + 10 * 3000
    assert cost_nanos(rates, TokenCounts(input=1001, output=10), "flex") == 1001 * 500 + 10 * 1000


def test_own_price_follows_its_dates() -> None:
    """Before the first one the list's price holds, to the second; a usage line says which period it was priced by."""
    begin, change = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    later = DatedPriceSettings(valid_from=change, input_usd=3, output_usd=3)
    own = PriceSettings(valid_from=begin, input_usd=2, output_usd=2, later=(later,))
    book = PriceBook({"mine": {"gpt-4o-mini": own}})

    def priced(at: datetime, base_url: str | None = OPENAI) -> tuple[int, str] | None:
        rates = book.rates("mine", None, base_url, "gpt-4o-mini", at)
        return None if rates is None else (rates.steps[0].input, rates.version)

    second = timedelta(seconds=1)
    assert priced(begin - second) == (150_000, f"genai-prices {genai_prices.__version__}")
    assert priced(begin - second, None) is None
    assert priced(begin) == (2_000_000, "settings from 2026-03-01T00:00:00Z")
    assert priced(change - second) == (2_000_000, "settings from 2026-03-01T00:00:00Z")
    assert priced(change) == (3_000_000, "settings from 2026-05-01T10:00:00Z")


def test_own_price_without_a_date_holds_until_the_next_one() -> None:
    """And for all time before it."""
    later = DatedPriceSettings(valid_from=NOW, input_usd=3, output_usd=3)
    book = PriceBook({"mine": {"m": PriceSettings(input_usd=2, output_usd=2, later=(later,))}})
    found = [book.rates("mine", None, None, "m", at) for at in (datetime(2020, 1, 1, tzinfo=UTC), NOW)]
    assert [rates and rates.version for rates in found] == ["settings", "settings from 2026-11-01T12:00:00Z"]


def test_prices_of_the_settings_by_the_provider_s_name() -> None:
    """A provider that is not there any more has no price; one of the settings is looked up by its own words."""
    prices = Prices({"one": ProviderSettings(models=("gpt-4o-mini",))})
    rates = prices.rates("one", "gpt-4o-mini", NOW)
    assert rates is not None
    assert rates.steps[0].input == 150_000
    assert prices.rates("gone", "gpt-4o-mini", NOW) is None


def test_own_price_of_zero_is_free_not_unknown() -> None:
    """Who runs a model himself can say that it costs nothing."""
    book = PriceBook({"local": {"llama3": PriceSettings(input_usd=0, output_usd=0)}})
    rates = book.rates("local", None, "http://localhost:11434/v1", "llama3", NOW)
    assert rates is not None
    assert cost_nanos(rates, TokenCounts(input=5, output=5)) == 0


def test_own_price_below_a_pico_dollar_is_rounded_up() -> None:
    """A bill covers what was used: a price that is no whole number of pico-dollars never shrinks."""
    book = PriceBook({"mine": {"m": PriceSettings(input_usd=1e-7, output_usd=0.1234561)}})
    rates = book.rates("mine", None, None, "m", NOW)
    assert rates is not None
    assert (rates.steps[0].input, rates.steps[0].output) == (1, 123_457)
