"""The price book: which price applies, and that it is the one the price list means."""

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import genai_prices
import pytest
from genai_prices.data import providers

from streamproc.money.cost import cost_nanos
from streamproc.money.pricing import PriceBook
from streamproc.money.rates import Rates, Step
from streamproc.records.usage import TokenCounts

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
OPENAI = "https://api.openai.com/v1"


@pytest.fixture(scope="module")
def book() -> PriceBook:
    """Without own prices; one for the module."""
    return PriceBook({})


def _listed(book: PriceBook, provider: str, model: str, at: datetime = NOW) -> Rates:
    rates = book.rates("any", provider, None, model, at)
    assert rates is not None
    return rates


def _theirs(provider: str, model: str, tokens: TokenCounts, at: datetime = NOW, tier: str | None = None) -> Decimal:
    """Nano-dollars by the price list's own arithmetic."""
    usage = genai_prices.Usage(
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cache_read_tokens=tokens.cached_input,
        cache_write_tokens=tokens.cache_write,
        output_reasoning_tokens=tokens.reasoning,
        cache_write_1h_tokens=tokens.cache_write_1h,
        web_searches=tokens.web_searches,
    )
    context = None if tier is None else {"service_tier": tier}
    price = genai_prices.calc_price(
        usage, model, provider_id=provider, genai_request_timestamp=at, price_context=context
    )
    return price.total_price * 10**9


@pytest.mark.parametrize(
    ("provider", "model", "tokens", "nanos"),
    [
        ("openai", "gpt-4o-mini", TokenCounts(input=1000, output=100, cached_input=400), 180_000),
        ("openai", "gpt-4o-mini-2024-07-18", TokenCounts(input=1, output=1), 750),
        ("google", "gemini-2.5-pro", TokenCounts(input=200_000, output=0), 250_000_000),
        ("google", "gemini-2.5-pro", TokenCounts(input=200_001, output=10), 500_152_500),
        ("anthropic", "claude-haiku-4-5", TokenCounts(input=3000, output=7, cached_input=900, cache_write=1100), None),
        ("anthropic", "claude-sonnet-4-5", TokenCounts(input=250_000, output=7, cache_write=9, reasoning=3), None),
        ("perplexity", "sonar", TokenCounts(input=10, output=10), 12_020_000),
    ],
)
def test_known_price_equals_the_price_list(
    book: PriceBook, provider: str, model: str, tokens: TokenCounts, nanos: int | None
) -> None:
    """Cached tokens, steps, cache writes and prices per call come out as the list's own arithmetic has them."""
    cost = cost_nanos(_listed(book, provider, model), tokens)
    assert cost == _theirs(provider, model, tokens)
    assert nanos is None or cost == nanos


def test_every_model_of_the_list_costs_what_the_list_says(book: PriceBook) -> None:
    """All models and service tiers, at two times and on both sides of every step; only rounding up differs."""
    checked: Counter[str | None] = Counter()
    for provider in providers:
        for model in provider.models:
            for at in (datetime(2025, 5, 1, 17, tzinfo=UTC), NOW):
                rates = book.rates("any", provider.id, None, model.id, at)
                if rates is None:
                    continue
                for tier, steps in ((None, rates.steps), *rates.tiers):
                    for step in steps:
                        tokens = _usage_of_all_kinds(step)
                        cost = cost_nanos(rates, tokens, tier)
                        assert cost is not None
                        exact = _theirs(provider.id, model.id, tokens, at, tier)
                        # Prices are rounded up to 1/1000 nano-dollar per token.
                        pieces = (tokens.input or 0) + 500
                        assert 0 <= cost - exact < 1 + pieces / 1000, (provider.id, model.id, tier)
                        checked[tier] += 1
    assert checked[None] > 2000
    assert checked["flex"] > 20
    assert checked["priority"] > 20


def _usage_of_all_kinds(step: Step) -> TokenCounts:
    """Of those that the step has prices for."""
    answers = step.output is not None
    return TokenCounts(
        input=step.above_input_tokens + 1000,
        output=500 if answers else 0,
        cached_input=300,
        cache_write=200,
        reasoning=100 if answers else None,
        cache_write_1h=50 if step.cache_write_1h is not None else None,
        web_searches=2 if step.web_search is not None else None,
    )


@pytest.mark.parametrize(
    ("model", "tiers"),
    [("gpt-5", {"flex", "priority"}), ("gpt-4o", {"priority"}), ("o1", set()), ("text-embedding-3-small", set())],
)
def test_tiers_of_the_list_have_their_own_prices(book: PriceBook, model: str, tiers: set[str]) -> None:
    """Only those it names: a tier without a price there is not the standard one's."""
    rates = _listed(book, "openai", model)
    assert {"flex", "priority"}.intersection(name for name, _ in rates.tiers) == tiers
    assert _listed(book, "openai", "gpt-5").on("flex") != rates.on(None)
    assert rates.on("no such tier") is None
    assert _listed(book, "openai", model, datetime(2026, 10, 1, tzinfo=UTC)).tiers == ()


def test_model_for_embeddings_has_no_price_for_output(book: PriceBook) -> None:
    """Its input is priced, and an answer from it would have no bound."""
    step = _listed(book, "openai", "text-embedding-3-small").steps[0]
    assert (step.input, step.output, step.reasoning) == (20_000, None, None)


def test_price_that_changed_is_taken_at_the_time_of_the_call(book: PriceBook) -> None:
    """o3 cost $10 per million input tokens until 2025-06-09 and $2 from the day after."""
    before = _listed(book, "openai", "o3", datetime(2025, 5, 15, tzinfo=UTC))
    after = _listed(book, "openai", "o3", NOW)
    assert (before.steps[0].input, after.steps[0].input) == (10_000_000, 2_000_000)
    assert _listed(book, "openai", "o3", datetime(2025, 6, 9, 23, 59, tzinfo=UTC)) is before


def test_price_of_an_hour_of_the_day_changes_at_its_minute(book: PriceBook) -> None:
    """DeepSeek's day price ended at 16:30 UTC; an earlier answer does not stick."""
    day = _listed(book, "deepseek", "deepseek-reasoner", datetime(2025, 5, 1, 16, 29, tzinfo=UTC))
    night = _listed(book, "deepseek", "deepseek-reasoner", datetime(2025, 5, 1, 16, 31, tzinfo=UTC))
    assert (day.steps[0].output or 0) > (night.steps[0].output or 0) > 0


def test_rates_are_made_once_and_name_their_list(book: PriceBook) -> None:
    """The same price is the same object, with the version for the usage line."""
    rates = _listed(book, "openai", "gpt-4o-mini")
    assert _listed(book, "openai", "gpt-4o-mini") is rates
    assert rates.version == f"genai-prices {genai_prices.__version__}"


def test_provider_is_found_by_its_address(book: PriceBook) -> None:
    """Without a name the base URL says whose list applies."""
    assert book.rates("mine", None, OPENAI, "gpt-4o-mini", NOW) is _listed(book, "openai", "gpt-4o-mini")
    local = "http://127.0.0.1:8000/v1"
    assert book.rates("mine", "openai", local, "gpt-4o-mini", NOW) is _listed(book, "openai", "gpt-4o-mini")


@pytest.mark.parametrize(
    ("price_provider", "base_url", "model"),
    [
        (None, OPENAI, "no-such-model"),
        ("no-such-provider", OPENAI, "gpt-4o-mini"),
        (None, "http://localhost:11434/v1", "llama3.2:1b"),
        (None, "http://localhost:8000/v1", "gpt-4o-mini"),
        (None, None, "gpt-4o-mini"),
        ("openai", None, "gpt-realtime"),
        ("openai", None, "tts-1"),
        ("perplexity", None, "sonar-deep-research"),
        ("openrouter", None, "meta-llama/llama-3.1-8b-instruct:free"),
    ],
)
def test_price_that_is_not_known_is_none(
    book: PriceBook, price_provider: str | None, base_url: str | None, model: str
) -> None:
    """No guess by the model's name, no zero for what the list leaves out, and again on the second question."""
    assert book.rates("mine", price_provider, base_url, model, NOW) is None
    assert book.rates("mine", price_provider, base_url, model, NOW) is None


def test_price_list_is_read_without_a_socket_and_only_when_needed() -> None:
    """Own prices need no price list at all, and the list comes from the disk."""
    script = """
import sys
from datetime import UTC, datetime, timedelta, timezone
forbidden = []
sys.addaudithook(lambda event, _: forbidden.append(event) if event.startswith(("socket.", "urllib.")) else None)
from streamproc.money.pricing import PriceBook, Prices
book = PriceBook({})
print("genai_prices" in sys.modules)
book.load()
print(book.rates("p", "openai", None, "gpt-4o-mini", datetime(2026, 1, 1, tzinfo=UTC)).steps[0].input)
print(forbidden)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["False", "150000", "[]"]
