"""The bound of a call: no usage that its request allows costs more, and what has no bound is named."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamproc.money.api import ANYTHING, billable_api
from streamproc.money.bound import (
    COUNTED_ALLOWANCE_TOKENS,
    HIDDEN_ALLOWANCE_TOKENS,
    Most,
    Unbounded,
    most_of,
    possible_tiers,
    unbounded,
    upper_bound_nanos,
)
from streamproc.money.cost import cost_nanos
from streamproc.money.images import image_tokens
from streamproc.money.rates import Rates, Step
from streamproc.records.request import Request
from streamproc.records.usage import TokenCounts
from streamproc.settings.provider import ProviderKind
from tests.fakes import a_request
from tests.unit.money.test_cost import HIGH, LOW, RATES

picos = st.integers(0, 10**9)
amounts = st.one_of(st.none(), st.integers(0, 200_000))
TIERS = ("flex", "priority")
IMAGE: dict[str, Any] = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
DATA: dict[str, Any] = {
    "type": "image_url",
    "image_url": {"url": "data:image/gif;base64,R0lGODlhAQABAAAA", "detail": "low"},
}
HOUR: dict[str, Any] = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}


@st.composite
def steps_of_any_shape(draw: st.DrawFn) -> tuple[Step, ...]:
    """One to four steps, with any relation between the kinds; some prices are not known."""
    starts = [0, *sorted(draw(st.sets(st.integers(1, 100_000), max_size=3)))]
    hours = st.none() if draw(st.booleans()) else picos
    return tuple(
        Step(
            above_input_tokens=start, input=draw(picos), output=draw(picos), cached_input=draw(picos),
            cache_write=draw(picos), reasoning=draw(picos), request=draw(picos), cache_write_1h=draw(hours),
            web_search=draw(picos),
        )
        for start in starts
    )  # fmt: skip


@st.composite
def rates_of_any_shape(draw: st.DrawFn) -> Rates:
    """Prices of the standard tier and of some others."""
    tiers = draw(st.sets(st.sampled_from(TIERS)))
    return Rates(draw(steps_of_any_shape()), "drawn", tuple((name, draw(steps_of_any_shape())) for name in tiers))


def talk(*parts: dict[str, Any], **fields: Any) -> Request:
    """A request whose message has these parts."""
    return a_request(messages=[{"role": "user", "content": list(parts)}], **fields)


def most(request: Request, **fields: Any) -> Most:
    """The most of a request on a server whose images have the figures of gpt-4o."""
    usual = {"prompt_bytes": 400, "prompt_tokens": None, "max_output_tokens": 10}
    return most_of(request, "gpt-4o", image_tokens("openai", None), ANYTHING, **{**usual, **fields})


def test_bytes_bound_without_a_count_and_tokens_with_one() -> None:
    """Each with its allowance."""
    assert most(a_request()) == Most(400 + HIDDEN_ALLOWANCE_TOKENS, 10)
    assert most(a_request(), prompt_tokens=90) == Most(90 + COUNTED_ALLOWANCE_TOKENS, 10)


def test_an_embedding_has_no_output() -> None:
    """So that a model whose list has no price for output has a bound."""
    embedding = _embedding()
    assert most(embedding) == Most(400 + HIDDEN_ALLOWANCE_TOKENS, 0)
    rates = Rates((Step(0, 10**6, None, 10**6, 10**6, None, 0),), "test")
    assert upper_bound_nanos(rates, most(embedding)) == (400 + HIDDEN_ALLOWANCE_TOKENS) * 1000
    assert upper_bound_nanos(rates, most(a_request())) is None
    assert unbounded(rates, most(a_request())) == Unbounded("output tokens", "prices")


def test_images_count_for_themselves_and_their_bytes_do_not() -> None:
    """One behind an address and one of 85 tokens at low detail; the data URL is no text."""
    data = len(DATA["image_url"]["url"])
    assert most(talk(IMAGE, DATA)).input == 400 - data + HIDDEN_ALLOWANCE_TOKENS + 1445 + 85
    assert most(talk(IMAGE, DATA), prompt_tokens=7).input == 7 + COUNTED_ALLOWANCE_TOKENS + 1445 + 85


@pytest.mark.parametrize("part", [IMAGE, DATA])
def test_an_image_without_a_rule_has_no_bound(part: dict[str, Any]) -> None:
    """Neither its address nor its bytes say how many tokens it is."""
    unknown = most_of(
        talk(part),
        "llava",
        image_tokens(None, None),
        ANYTHING,
        prompt_bytes=400,
        prompt_tokens=None,
        max_output_tokens=1,
    )
    assert unknown.input is None
    assert unknown.tokens == TokenCounts(output=1)
    assert upper_bound_nanos(RATES, unknown) is None
    assert unbounded(RATES, unknown) == Unbounded("an image", "image_tokens")


def test_an_image_costs_nothing_where_input_is_free() -> None:
    """Who runs a model himself need not say how many tokens its images have."""
    free = Rates((Step(0, 0, 10**6, 0, 0, 10**6, 0),), "settings")
    unknown = Most(None, 10)
    assert upper_bound_nanos(free, unknown) == 10_000
    assert unbounded(free, unknown) is None
    nearly = Rates((Step(0, 0, 10**6, 0, 1, 10**6, 0),), "settings")
    assert upper_bound_nanos(nearly, unknown) is None
    assert unbounded(nearly, unknown) == Unbounded("an image", "image_tokens")


@pytest.mark.parametrize(
    ("asked", "tiers"),
    [
        (None, ("default",)),
        ("default", ("default",)),
        ("flex", ("default", "flex")),
        ("priority", ("default", "priority")),
        ("auto", ("default", "priority")),
    ],
)
def test_a_tier_may_fall_back_to_the_standard_one(asked: str | None, tiers: tuple[str, ...]) -> None:
    """The bound is the dearer one's."""
    assert possible_tiers(asked, ANYTHING) == tiers
    assert most(a_request(service_tier=asked)).tiers == tiers


@pytest.mark.parametrize(
    ("kind", "tier", "tiers", "hour"),
    [
        ("openai_chat", "auto", ("default", "priority"), False),
        ("openai_responses", "flex", ("default", "flex"), False),
        ("openai_completions", "priority", ("default",), False),
        ("anthropic", "auto", ("default", "priority"), True),
        ("anthropic", "flex", ("default",), True),
        ("ollama", "auto", ("default",), False),
        ("scripted", "flex", ("default", "flex"), True),
    ],
)
def test_what_an_api_cannot_cause_is_not_counted(
    kind: ProviderKind, tier: str, tiers: tuple[str, ...], *, hour: bool
) -> None:
    """A marked prompt was refused as unpriced for OpenAI's models, which are never told of the mark."""
    request = talk(HOUR, service_tier=tier)
    bound = most_of(
        request, "m", image_tokens(None, None), billable_api(kind), prompt_bytes=1, prompt_tokens=1, max_output_tokens=1
    )
    assert (bound.tiers, bound.caches_for_an_hour) == (tiers, hour)


def test_bound_takes_the_dearest_step_and_kind() -> None:
    """Of the tiers it may be answered on; an hour in the cache only if it is asked for."""
    rates = Rates((LOW, HIGH), "test", (("priority", (LOW,)), ("flex", (LOW, HIGH))))
    assert upper_bound_nanos(rates, Most(1000, 10)) == 1000 * 2500 + 10 * 8000 + 2_000_000
    dear = Rates((LOW,), "test", (("priority", (HIGH,)),))
    assert upper_bound_nanos(dear, Most(1000, 10, ("default", "priority"))) == 1000 * 2500 + 10 * 8000 + 2_000_000
    assert upper_bound_nanos(Rates((LOW,), "test"), Most(1000, 0)) == 1000 * 1250 + 1_000_000
    hour = Most(1000, 0, caches_for_an_hour=True)
    assert upper_bound_nanos(Rates((LOW,), "test"), hour) == 1000 * 3000 + 1_000_000


def test_what_has_no_price_is_named() -> None:
    """A tier, and an hour in the cache on one of the steps."""
    assert unbounded(RATES, most(a_request(service_tier="priority"))) == Unbounded(
        "the service tier 'priority'", "prices"
    )
    assert upper_bound_nanos(RATES, most(a_request(service_tier="priority"))) is None
    assert unbounded(RATES, most(talk(HOUR))) == Unbounded("an hour in the prompt cache", "prices")
    assert upper_bound_nanos(RATES, most(talk(HOUR))) is None
    assert unbounded(RATES, most(a_request(service_tier="flex"))) is None


@st.composite
def requests_of_any_kind(draw: st.DrawFn) -> Request:
    """Conversations and embeddings, with images, tiers and marks for the cache."""
    if draw(st.integers(0, 3)) == 0:
        return _embedding()
    kinds: list[dict[str, Any]] = [IMAGE, DATA, HOUR, {"type": "text", "text": "b"}]
    parts = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4))
    return talk(*parts, service_tier=draw(st.sampled_from([None, "auto", "default", *TIERS])))


@given(rates_of_any_shape(), requests_of_any_kind(), st.data(), st.booleans(), st.booleans())
@settings(max_examples=300)
def test_no_usage_that_a_request_allows_costs_more_than_the_bound(
    rates: Rates, request: Request, data: st.DataObject, counted: bool, has_rule: bool
) -> None:
    """Whatever the split into kinds, nonsense included, whichever step and tier: cost is at most the bound.

    And there is a bound just when nothing without one is named.
    """
    limit = most_of(
        request, "gpt-4o", image_tokens("openai" if has_rule else None, None), ANYTHING,
        prompt_bytes=data.draw(st.integers(100, 100_000)),
        prompt_tokens=data.draw(st.integers(0, 100_000)) if counted else None,
        max_output_tokens=data.draw(st.integers(1, 50_000)),
    )  # fmt: skip
    bound = upper_bound_nanos(rates, limit)
    assert (bound is None) is (unbounded(rates, limit) is not None)
    if bound is None or limit.input is None:
        return
    tokens = TokenCounts(
        input=data.draw(st.integers(0, limit.input)),
        output=data.draw(st.integers(0, limit.output)),
        cached_input=data.draw(amounts),
        cache_write=data.draw(amounts),
        reasoning=data.draw(amounts),
        cache_write_1h=data.draw(amounts) if limit.caches_for_an_hour else data.draw(st.sampled_from([None, 0])),
    )
    cost = cost_nanos(rates, tokens, data.draw(st.sampled_from([None, "standard", *limit.tiers])))
    assert cost is not None
    assert 0 <= cost <= bound


def _embedding() -> Request:
    return Request.model_validate({"request_id": "r-1", "model": "m", "input": ["a"]})
