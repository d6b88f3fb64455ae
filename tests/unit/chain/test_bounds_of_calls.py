"""Accounting of what has a price of its own: service tiers, images, an hour in the cache, the provider's searches."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamproc.chain.journal import MemoryJournal
from streamproc.chain.provider import Completed, Text
from streamproc.errors import BudgetRefused, Disconnected
from streamproc.money.api import billable_api
from streamproc.money.bound import HIDDEN_ALLOWANCE_TOKENS
from streamproc.money.rates import Rates
from streamproc.money.rates import Step as PriceStep
from streamproc.observe.events import UsageAboveBound
from streamproc.providers.scripted import Step
from streamproc.records.request import Request
from streamproc.records.usage import TokenCounts, UsageLine
from tests.fakes import a_request
from tests.unit.chain.accounts import MODEL, RATES, Rig, counter, the_call

# Flex is half and priority is double the price; an hour in the cache costs $2 and a search a cent.
PLAIN = PriceStep(0, 10**6, 2 * 10**6, 10**6, 10**6, 2 * 10**6, 0, 2 * 10**6, 10**10)
FLEX = PriceStep(0, 5 * 10**5, 10**6, 0, 0, 10**6, 0)
PRIORITY = PriceStep(0, 2 * 10**6, 4 * 10**6, 10**6, 10**6, 4 * 10**6, 0, 4 * 10**6, 10**10)
TIERED = Rates((PLAIN,), "list-1", (("flex", (FLEX,)), ("priority", (PRIORITY,))))
USAGE = TokenCounts(input=10, output=5)
IMAGE: dict[str, Any] = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
HOUR: dict[str, Any] = {"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "1h"}}


def talk(*parts: dict[str, Any], **fields: Any) -> Request:
    """A request whose message has these parts."""
    return a_request(messages=[{"role": "user", "content": [{"type": "text", "text": "a"}, *parts]}], **fields)


async def line_of(request: Request, *script: Step, rates: Rates | None = TIERED, **rig: Any) -> UsageLine:
    """The bill of a call that ends as the script says."""
    call = the_call(request)
    await Rig(script, rates=rates, **rig).run(call)
    (line,) = call.progress.lines
    return line


@pytest.mark.parametrize(
    ("asked", "told", "nanos"),
    [
        ("priority", "priority", 40_000),
        ("priority", "default", 20_000),
        ("flex", "flex", 10_000),
        (None, "default", 20_000),
        (None, "standard", 20_000),
        (None, "priority", 40_000),
        (None, "scale", None),
        (None, None, 20_000),
        ("flex", None, 20_000),
        ("auto", None, 40_000),
    ],
)
async def test_the_tier_that_the_provider_reports_is_billed(
    asked: str | None, told: str | None, nanos: int | None
) -> None:
    """Whatever was asked for; one without a price is unknown, and where none is told it is the dearest possible."""
    line = await line_of(a_request(service_tier=asked), Completed(USAGE, "stop", None, told))
    assert (line.service_tier, line.cost_nanos, line.basis) == (told, nanos, "provider")


async def test_a_cut_call_is_billed_on_the_dearest_tier_it_may_have_had() -> None:
    """An estimate is never too low for a fallback that nobody told of."""
    call = the_call(a_request(service_tier="priority"))
    await Rig([Text("hello"), Disconnected("cut", provider="p")], rates=TIERED).fail(call)
    (line,) = call.progress.lines
    tokens = counter().count_prompt(MODEL, call.request)
    assert (line.service_tier, line.cost_nanos) == (None, tokens * 2000 + 4000 * (line.tokens.output or 0))


async def test_searches_and_hours_are_on_the_bill() -> None:
    """Each by its own price."""
    usage = TokenCounts(input=10, output=0, cache_write=10, cache_write_1h=4, web_searches=2)
    line = await line_of(talk(HOUR), Completed(usage, "stop"))
    assert (line.cost_nanos, line.tokens) == (6_000 + 8_000 + 20_000_000, usage)


async def test_the_bound_of_the_note_knows_tier_hour_and_images() -> None:
    """It is what is billed if the worker dies: the dearest of all that may happen."""
    journal = MemoryJournal()
    call = the_call(talk(IMAGE, HOUR, service_tier="priority"), journal=journal)
    await Rig([Completed(USAGE, "stop")], rates=TIERED, own_image_tokens=500).run(call)
    _, _, bound = journal.notes[0]
    assert bound is not None
    most = call.prompt_bytes + HIDDEN_ALLOWANCE_TOKENS + 500
    assert bound.tokens == TokenCounts(input=most, output=call.max_output_tokens)
    assert bound.cost_nanos == most * 4000 + call.max_output_tokens * 4000


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (talk(IMAGE, max_cost_usd=1000.0), "an image"),
        (talk(HOUR, max_cost_usd=1000.0), "an hour in the prompt cache"),
        (a_request(service_tier="flex", max_cost_usd=1000.0), "the service tier 'flex'"),
    ],
)
async def test_a_budget_for_what_has_no_bound_is_refused(request_: Request, words: str) -> None:
    """However high it is: the sentence says what has no price, and with which model."""
    rig = Rig([], rates=RATES)
    with pytest.raises(BudgetRefused, match=f"{words} with {MODEL}"):
        await rig.run(the_call(request_))
    assert rig.provider.started == 0


async def test_what_has_no_bound_is_called_without_a_budget_and_noted_as_unknown() -> None:
    """The owner allowed unpriced calls: the note has no cost, and no token count that would be too low."""
    journal = MemoryJournal()
    call = the_call(talk(IMAGE), journal=journal)
    await Rig([Completed(None, "stop")], rates=RATES).run(call)
    (_, _, bound), (_, _, bill) = journal.notes
    assert bound is not None
    assert bill is not None
    assert (bound.cost_nanos, bound.tokens.input, bound.tokens.output) == (None, None, call.max_output_tokens)
    assert (bill.cost_nanos, bill.tokens.input, bill.basis) == (None, None, "estimated")
    assert call.progress.spent_nanos == 0


async def test_an_image_counts_where_the_provider_told_no_usage() -> None:
    """By its bound: the estimate is not too low."""
    line = await line_of(talk(IMAGE), Completed(None, "stop"), own_image_tokens=500)
    assert line.tokens.input == counter().count_prompt(MODEL, talk(IMAGE)) + 500


async def test_a_prompt_with_reasoning_is_not_counted_exactly() -> None:
    """What a provider makes of reasoning that is sent back only it knows, so bytes bound it."""
    words = [{"role": "user", "content": " the" * 5000}]
    thoughts = [{"role": "assistant", "reasoning": [{"text": "hm", "signature": "s"}]}]
    fields: dict[str, Any] = {"prompt_bytes": 20_100, "max_output_tokens": 10}
    done: list[Step] = [Completed(TokenCounts(input=5000, output=1), "stop")]
    await Rig(done, exact=True).run(the_call(a_request(messages=words, max_cost_usd=0.006), **fields))
    with pytest.raises(BudgetRefused):
        await Rig(done, exact=True).run(the_call(a_request(messages=words + thoughts, max_cost_usd=0.006), **fields))


@given(
    st.sampled_from([None, "default", "flex", "priority", "auto"]),
    st.lists(st.sampled_from([IMAGE, HOUR]), max_size=3),
    st.integers(0, 10**7),
    st.data(),
)
@settings(max_examples=60)
async def test_no_call_that_is_allowed_costs_more_than_its_budget(
    tier: str | None, parts: list[dict[str, Any]], budget: int, data: st.DataObject
) -> None:
    """Whichever tier answers, whatever it writes to its cache, however many tokens an image has."""
    request = talk(*parts, service_tier=tier, max_cost_usd=budget / 10**9)
    call = the_call(request, prompt_bytes=len(request.model_dump_json().encode()), max_output_tokens=50)
    texts = counter().count_prompt(MODEL, request)
    tokens = data.draw(st.integers(0, texts + 500 * parts.count(IMAGE)))
    hours = data.draw(st.integers(0, tokens)) if HOUR in parts else 0
    usage = TokenCounts(
        input=tokens, output=data.draw(st.integers(0, 50)), cache_write=hours, cache_write_1h=hours or None
    )
    tiers = {"flex": ["flex", "default"], "priority": ["priority", "default"], "auto": ["default", "priority", "flex"]}
    answered = data.draw(st.sampled_from(tiers.get(tier or "", ["default"])))
    dear = PriceStep(0, 5 * 10**5, 10**6, 0, 0, 10**6, 0, 10**6)
    rates = Rates((PLAIN,), "list-1", (("flex", (dear,)), ("priority", (PRIORITY,))))
    try:
        await Rig([Completed(usage, "stop", None, answered)], rates=rates, own_image_tokens=500).run(call)
    except BudgetRefused:
        assert call.progress.lines == []
    else:
        assert call.progress.lines[0].cost_nanos is not None
        assert call.progress.spent_nanos <= budget


async def test_a_tier_that_an_api_does_not_have_costs_nothing() -> None:
    """Ollama knows no tiers: an answer to `auto` that names none was billed, and refused, by a price it cannot have."""
    request = a_request(service_tier="auto", max_cost_usd=1.0)
    line = await line_of(request, Completed(USAGE, "stop"), api=billable_api("ollama"))
    assert line.cost_nanos == 20_000
    only_plain = Rates((PLAIN,), "list-1")
    line = await line_of(request, Completed(USAGE, "stop"), api=billable_api("ollama"), rates=only_plain)
    assert line.cost_nanos == 20_000
    with pytest.raises(BudgetRefused, match="the service tier 'priority'"):
        await line_of(request, Completed(USAGE, "stop"), rates=only_plain)


@pytest.mark.parametrize(
    ("usage", "budget"),
    [
        (TokenCounts(input=10**6, output=5), None),
        (TokenCounts(input=10, output=10**6), None),
        (TokenCounts(input=10**6, output=5), 1.0),
    ],
)
async def test_usage_above_the_bound_is_billed_and_told(usage: TokenCounts, budget: float | None) -> None:
    """The provider is owed what it says; who reserved too little must hear of it. Before, it passed in silence."""
    call = the_call(a_request(max_cost_usd=budget))
    rig = Rig([Completed(usage, "stop")])
    await rig.run(call)
    (line,) = call.progress.lines
    (told,) = rig.seen.of(UsageAboveBound)
    assert (told.line, line.tokens) == (line, usage)
    assert told.bound.basis == "upper_bound"
    assert told.bound.tokens.output == call.max_output_tokens
    assert call.progress.spent_nanos == line.cost_nanos


@pytest.mark.parametrize("script", [[Completed(USAGE, "stop")], [Text("a" * 5000), Completed(None, "stop")]])
async def test_usage_within_the_bound_and_our_own_estimate_are_not_told(script: list[Step]) -> None:
    """An estimate above the bound says nothing about a provider."""
    rig = Rig(script)
    await rig.run(the_call(max_output_tokens=10))
    assert rig.seen.of(UsageAboveBound) == []
