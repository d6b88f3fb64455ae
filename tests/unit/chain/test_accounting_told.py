"""What a provider tells before the end of a call: it is billed and logged, and nobody else sees it."""

from contextlib import aclosing

import pytest

from streamproc.chain.provider import Completed, Text, Told
from streamproc.errors import Disconnected, IncompleteStream
from streamproc.providers.scripted import Step
from streamproc.records.usage import TokenCounts
from tests.unit.chain.accounts import MODEL, Rig, counter, the_call

CUT = Disconnected("cut", provider="p")
PROMPT = TokenCounts(input=1234, cached_input=1000)


async def test_a_call_that_is_cut_is_billed_with_the_input_its_provider_told() -> None:
    """Anthropic says it before the first token; it was dropped, and the prompt counted by a rule of thumb."""
    rig = Rig([Told(usage=PROMPT), Text("hello"), CUT])
    call = the_call()
    await rig.fail(call)
    (line,) = call.progress.lines
    output = counter().count(MODEL, "hello").tokens
    assert line.tokens == TokenCounts(input=1234, cached_input=1000, output=output)
    assert (line.basis, line.reason) == ("estimated", "disconnected")
    assert line.cost_nanos == 1000 * 1234 + 2000 * output


async def test_so_is_one_that_is_closed() -> None:
    """By a cancel, there is no error that could bring it along."""
    call = the_call()
    async with aclosing(Rig([Told(usage=PROMPT), Text("hello"), Text("more")]).accounted.stream(call)) as events:
        assert await anext(events) == Text("hello")
    assert [line.tokens.input for line in call.progress.lines] == [1234]


@pytest.mark.parametrize(
    ("script", "output"),
    [
        pytest.param([Text("hello"), Told(usage=TokenCounts(input=3, output=70))], 70, id="after all that came"),
        pytest.param([Told(usage=TokenCounts(input=3, output=70)), Text("hello")], 70, id="more came"),
        pytest.param([Told(usage=TokenCounts(input=3, output=1)), Text("hello to all of you")], 5, id="much more came"),
    ],
)
async def test_an_output_that_was_told_is_no_less_in_the_bill(script: list[Step], output: int) -> None:
    """Some servers tell the usage so far with every token; what came behind it was used as well."""
    call = the_call()
    await Rig([*script, IncompleteStream("cut", provider="p")]).fail(call)
    assert [line.tokens for line in call.progress.lines] == [TokenCounts(input=3, output=output)]


async def test_an_output_alone_leaves_the_input_to_be_counted() -> None:
    """Each figure by itself."""
    call = the_call()
    await Rig([Told(usage=TokenCounts(output=9)), CUT]).fail(call)
    counted = counter().count_prompt(MODEL, call.request)
    assert [line.tokens for line in call.progress.lines] == [TokenCounts(input=counted, output=9)]


async def test_it_is_no_event_of_the_answer() -> None:
    """A retry behind it would take it for a token that readers have seen, and make a new attempt."""
    rig = Rig([Told("req-1"), Told(usage=PROMPT), Completed(TokenCounts(input=1, output=1), "stop")])
    call = the_call()
    assert [type(event) for event in await rig.run(call)] == [Completed]
    assert [line.tokens for line in call.progress.lines] == [TokenCounts(input=1, output=1)]


async def test_the_provider_s_own_id_of_a_call_is_told_however_it_ends() -> None:
    """Support asks for it first, also for an answer that came, and for one that was left."""
    whole = Rig([Told("req-1"), Told(usage=PROMPT), Completed(None, "stop")])
    await whole.run(the_call())
    cut = Rig([Told("req-2"), CUT])
    await cut.fail(the_call())
    refused = Rig([Disconnected("cut", provider="p", request_id="req-3")])
    await refused.fail(the_call())
    left = Rig([Told("req-4"), Text("a"), Text("b")])
    async with aclosing(left.accounted.stream(the_call())) as events:
        await anext(events)
    assert [rig.ended.request_id for rig in (whole, cut, refused, left)] == ["req-1", "req-2", "req-3", "req-4"]
