"""The arithmetic of costs: exact, and rounded up once."""

from streamproc.money.cost import cost_nanos
from streamproc.money.rates import Rates, Step
from streamproc.records.usage import TokenCounts

# $1, $4, $0.10, $1.25, $2 per million tokens; $0.001 per call; double above 1,000 input tokens.
LOW = Step(
    above_input_tokens=0, input=10**6, output=4 * 10**6, cached_input=10**5, cache_write=1_250_000, reasoning=2 * 10**6,
    request=10**9, cache_write_1h=3 * 10**6, web_search=10**10,
)  # fmt: skip
HIGH = Step(
    above_input_tokens=1000, input=2 * 10**6, output=8 * 10**6, cached_input=2 * 10**5, cache_write=2_500_000,
    reasoning=4 * 10**6, request=2 * 10**9,
)  # fmt: skip
FLEX = Step(above_input_tokens=0, input=5 * 10**5, output=10**6, cached_input=0, cache_write=0, reasoning=0, request=0)
RATES = Rates((LOW, HIGH), "test", (("flex", (FLEX,)),))


def test_each_kind_of_token_has_its_rate() -> None:
    """100 plain, 200 cached, 50 written, 30 answered, 20 reasoned, and the call."""
    tokens = TokenCounts(input=350, cached_input=200, cache_write=50, output=50, reasoning=20)
    assert cost_nanos(RATES, tokens) == 100_000 + 20_000 + 62_500 + 120_000 + 40_000 + 1_000_000


def test_step_holds_for_all_tokens_from_the_first_one_above() -> None:
    """At the limit the lower price holds, one above it the higher one, for the whole call."""
    assert cost_nanos(RATES, TokenCounts(input=1000, output=1)) == 1_000_000 + 4_000 + 1_000_000
    assert cost_nanos(RATES, TokenCounts(input=1001, output=1)) == 2_002_000 + 8_000 + 2_000_000


def test_cost_without_input_or_output_is_unknown() -> None:
    """Half a usage is no cost; a usage without details is one."""
    assert cost_nanos(RATES, TokenCounts(input=1)) is None
    assert cost_nanos(RATES, TokenCounts(output=1)) is None
    assert cost_nanos(RATES, TokenCounts()) is None
    assert cost_nanos(RATES, TokenCounts(input=0, output=0)) == 1_000_000


def test_fraction_of_a_nano_dollar_is_rounded_up_once() -> None:
    """Three tokens at a third of a nano-dollar and a bit are two nano-dollars, not three times one."""
    step = Step(0, input=334, output=0, cached_input=0, cache_write=0, reasoning=0, request=0)
    assert cost_nanos(Rates((step,), "test"), TokenCounts(input=3, output=0)) == 2


def test_parts_above_their_whole_are_cut_to_it() -> None:
    """More cached than input tokens is nonsense; the cost stays that of tokens that exist."""
    tokens = TokenCounts(input=100, cached_input=500, cache_write=70, output=10, reasoning=90)
    assert cost_nanos(RATES, tokens) == 100 * 100 + 10 * 2000 + 1_000_000


def test_an_hour_in_the_cache_has_its_own_rate() -> None:
    """40 of the 50 written tokens stay for an hour; what is not told as written at all counts as far as it is."""
    hour = TokenCounts(input=100, output=0, cache_write=50, cache_write_1h=40)
    assert cost_nanos(RATES, hour) == 50_000 + 12_500 + 120_000 + 1_000_000
    alone = TokenCounts(input=100, output=0, cache_write_1h=40)
    assert cost_nanos(RATES, alone) == 60_000 + 120_000 + 1_000_000
    more = TokenCounts(input=100, output=0, cache_write=10, cache_write_1h=40)
    assert cost_nanos(RATES, more) == 90_000 + 30_000 + 1_000_000


def test_a_search_costs_its_price() -> None:
    """Three at a cent each, beside the tokens."""
    assert cost_nanos(RATES, TokenCounts(input=0, output=0, web_searches=3)) == 30_000_000 + 1_000_000


def test_the_tier_that_answered_decides() -> None:
    """Half the price on one, the plain price on whatever providers call the standard one."""
    tokens = TokenCounts(input=100, output=10)
    assert cost_nanos(RATES, tokens, "flex") == 50_000 + 10_000
    plain = cost_nanos(RATES, tokens)
    assert plain == 100_000 + 40_000 + 1_000_000
    assert {cost_nanos(RATES, tokens, tier) for tier in ("default", "standard", "on_demand")} == {plain}


def test_what_has_no_price_makes_the_cost_unknown() -> None:
    """Never zero, and never the price of something else; none of it costs nothing."""
    assert cost_nanos(RATES, TokenCounts(input=1, output=1), "priority") is None
    assert cost_nanos(RATES, TokenCounts(input=1, output=1), "auto") is None
    assert cost_nanos(RATES, TokenCounts(input=2000, output=1, cache_write_1h=1)) is None
    assert cost_nanos(RATES, TokenCounts(input=2000, output=1, web_searches=1)) is None
    assert cost_nanos(RATES, TokenCounts(input=2000, output=1, cache_write_1h=0, web_searches=0)) is not None
    embedding = Rates((Step(0, 10**6, None, 10**6, 10**6, None, 0),), "test")
    assert cost_nanos(embedding, TokenCounts(input=5, output=0)) == 5000
    assert cost_nanos(embedding, TokenCounts(input=5, output=1)) is None
