"""The arithmetic of costs: exact, rounded up once, and never above its bound."""

from hypothesis import given
from hypothesis import strategies as st

from streamproc.money.cost import (
    COUNTED_ALLOWANCE_TOKENS,
    HIDDEN_ALLOWANCE_TOKENS,
    cost_nanos,
    upper_bound_nanos,
)
from streamproc.money.rates import Rates, Step
from streamproc.records.usage import TokenCounts

# $1, $4, $0.10, $1.25, $2 per million tokens; $0.001 per call; double above 1,000 input tokens.
LOW = Step(
    above_input_tokens=0, input=10**6, output=4 * 10**6, cached_input=10**5, cache_write=1_250_000, reasoning=2 * 10**6,
    request=10**9,
)  # fmt: skip
HIGH = Step(
    above_input_tokens=1000, input=2 * 10**6, output=8 * 10**6, cached_input=2 * 10**5, cache_write=2_500_000,
    reasoning=4 * 10**6, request=2 * 10**9,
)  # fmt: skip
RATES = Rates((LOW, HIGH), "test")

picos = st.integers(0, 10**9)
amounts = st.one_of(st.none(), st.integers(0, 200_000))


@st.composite
def rates_of_any_shape(draw: st.DrawFn) -> Rates:
    """One to four steps, with any relation between the kinds."""
    starts = [0, *sorted(draw(st.sets(st.integers(1, 100_000), max_size=3)))]
    return Rates(tuple(Step(start, *(draw(picos) for _ in range(6))) for start in starts), "drawn")


@st.composite
def usages(draw: st.DrawFn) -> TokenCounts:
    """Any usage, nonsense among its parts included."""
    return TokenCounts(
        input=draw(st.integers(0, 150_000)),
        output=draw(st.integers(0, 50_000)),
        cached_input=draw(amounts),
        cache_write=draw(amounts),
        reasoning=draw(amounts),
    )


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


def test_bound_takes_the_dearest_step_and_kind() -> None:
    """Bytes without a count, tokens with one, each with its allowance."""
    by_bytes = upper_bound_nanos(RATES, prompt_bytes=400, prompt_tokens=None, max_output_tokens=10)
    assert by_bytes == (400 + HIDDEN_ALLOWANCE_TOKENS) * 2500 + 10 * 8000 + 2_000_000
    counted = upper_bound_nanos(RATES, prompt_bytes=400, prompt_tokens=90, max_output_tokens=10)
    assert counted == (90 + COUNTED_ALLOWANCE_TOKENS) * 2500 + 10 * 8000 + 2_000_000


@given(rates_of_any_shape(), usages(), st.integers(0, 10_000), st.integers(0, 10_000), st.booleans())
def test_no_usage_within_the_limits_costs_more_than_the_bound(
    rates: Rates, tokens: TokenCounts, spare_input: int, spare_output: int, counted: bool
) -> None:
    """Whatever the split into kinds and whichever step: cost is at most the bound, and never negative."""
    assert tokens.input is not None
    assert tokens.output is not None
    allowance = COUNTED_ALLOWANCE_TOKENS if counted else HIDDEN_ALLOWANCE_TOKENS
    size = max(0, tokens.input - allowance) + spare_input
    bound = upper_bound_nanos(
        rates,
        prompt_bytes=0 if counted else size,
        prompt_tokens=size if counted else None,
        max_output_tokens=tokens.output + spare_output,
    )
    cost = cost_nanos(rates, tokens)
    assert cost is not None
    assert 0 <= cost <= bound
