"""A request's own budget: no call passes it, and none that may pass it is made."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamproc.chain.call import Call, Progress
from streamproc.chain.provider import Completed
from streamproc.errors import BudgetRefused, TimedOut
from streamproc.money.bound import HIDDEN_ALLOWANCE_TOKENS
from streamproc.providers.scripted import Step
from streamproc.records.usage import TokenCounts, UsageLine
from tests.fakes import NOW, a_call, a_request
from tests.unit.chain.accounts import MODEL, Rig, counter, the_call


def bound(call: Call) -> float:
    """The bound by bytes, in dollars."""
    return ((call.prompt_bytes + HIDDEN_ALLOWANCE_TOKENS) * 1000 + call.max_output_tokens * 2000) / 10**9


async def refused(rig: Rig, call: Call) -> str:
    """The sentence of a call that was not made."""
    with pytest.raises(BudgetRefused) as caught:
        await rig.run(call)
    assert rig.provider.started == 0
    assert call.progress.calls == 0 or call.progress.lines
    assert rig.seen.happenings == []
    return str(caught.value)


async def test_a_call_beyond_the_budget_is_refused_before_it_is_made() -> None:
    """A nano-dollar less than the bound is too little; the sentence has both figures. The bound itself is enough."""
    enough = bound(the_call())
    told = await refused(Rig([]), the_call(a_request(max_cost_usd=enough - 1e-9)))
    assert "max_cost_usd" in told
    assert told.count("$") == 2
    call = the_call(a_request(max_cost_usd=enough))
    await Rig([Completed(TokenCounts(input=1, output=1), "stop")]).run(call)


async def test_what_earlier_calls_cost_is_gone() -> None:
    """A budget is for all calls of a request together."""
    call = the_call(a_request(max_cost_usd=bound(the_call()) * 1.5))
    usage = TokenCounts(input=call.prompt_bytes, output=call.max_output_tokens)
    await Rig([Completed(usage, "stop")]).run(call)
    assert call.progress.spent_nanos == 300_000
    call.progress.spent_nanos = 2 * 300_000 + 900_000
    await refused(Rig([Completed(usage, "stop")]), call)


async def test_a_call_that_ended_without_usage_may_have_cost_its_bound() -> None:
    """What came of it is on the bill, but a provider may have worked on: the budget counts the most it can have been.

    Calls that timed out before their first token were bought again and again under a budget that saw only their
    prompts.
    """
    call = the_call(a_request(max_cost_usd=bound(the_call()) * 1.5))
    rig = Rig([TimedOut("late", provider="p")])
    with pytest.raises(TimedOut):
        await rig.run(call)
    (line,) = call.progress.lines
    assert (line.basis, line.tokens.output) == ("estimated", 0)
    assert call.progress.spent_nanos == round(bound(the_call()) * 1e9) > (line.cost_nanos or 0)
    await refused(Rig([Completed(None, "stop")]), call)


async def test_an_exact_count_is_used_only_where_it_is_known_to_be_exact() -> None:
    """A long prompt of few tokens fits by count; another tokenizer may serve under the same name, and then it does not."""
    request = a_request(messages=[{"role": "user", "content": " the" * 5000}], max_cost_usd=0.006)
    done: list[Step] = [Completed(TokenCounts(input=5000, output=1), "stop")]
    fields = {"prompt_bytes": 20_100, "max_output_tokens": 10}
    await Rig(done, exact=True).run(the_call(request, **fields))
    await refused(Rig(done, exact=False), the_call(request, **fields))
    await refused(Rig(done, exact=True), a_call(request, model="llama-3", **fields))


async def test_a_budget_without_a_known_price_is_refused() -> None:
    """What cannot be bounded is not bought, and the sentence says why."""
    told = await refused(Rig([], rates=None), the_call(a_request(max_cost_usd=1000.0)))
    assert "no known price" in told
    assert MODEL in told


async def test_a_budget_of_nothing_buys_nothing() -> None:
    """Zero is a budget."""
    await refused(Rig([]), the_call(a_request(max_cost_usd=0.0)))


@given(
    st.text(max_size=60), st.integers(1, 200), st.integers(0, 200), st.integers(0, 10**6), st.integers(0, 10**6),
    st.booleans(),
)  # fmt: skip
@settings(max_examples=60)
async def test_no_call_that_is_allowed_costs_more_than_is_left(
    text: str, allowed: int, spare: int, budget: int, spent: int, exact: bool
) -> None:
    """Whatever the provider uses within its limits: allowed means the bill stays within the budget."""
    request = a_request(messages=[{"role": "user", "content": text}], max_cost_usd=budget / 10**9)
    tokens = counter().count_prompt(MODEL, request)
    before = _spent(spent)
    progress = Progress(1000, lines=[before])
    call = the_call(
        request, prompt_bytes=len(request.model_dump_json().encode()), max_output_tokens=allowed, progress=progress
    )
    usage = TokenCounts(input=tokens + (spare if not exact else min(spare, 128)), output=allowed)
    try:
        await Rig([Completed(usage, "stop")], exact=exact).run(call)
    except BudgetRefused:
        assert len(progress.lines) == 1
    else:
        assert progress.spent_nanos <= budget


def _spent(nanos: int) -> UsageLine:
    moment = datetime.fromtimestamp(NOW, UTC)
    return UsageLine(
        usage_id="u", run_id="r", request_id="a", tenant="t", attempt=1, provider="p", model="m", tokens=TokenCounts(),
        cost_nanos=nanos, basis="estimated", price_version=None, input_hash="0", started_at=moment, ended_at=moment,
    )  # fmt: skip
