"""Accounting: every call leaves its line, with figures as sure as its basis says."""

from contextlib import aclosing
from datetime import UTC, datetime

import pytest

from streamproc.chain.provider import Completed, Reasoning, Text, ToolCallPart
from streamproc.errors import BadRequest, ConnectFailed, Disconnected, ProviderError, ServerFault
from streamproc.providers.scripted import Pause, Step
from streamproc.records.request import Request
from streamproc.records.usage import TokenCounts, UsageLine
from tests.fakes import NOW, a_request
from tests.unit.chain.accounts import MODEL, Rig, counter, the_call


async def test_a_provider_s_usage_is_billed_as_it_is() -> None:
    """Basis provider, its tokens, its price and the price's version; all of it told to the observer too."""
    usage = TokenCounts(input=10, output=5, cached_input=4)
    rig = Rig([Pause(2.0), Text("a"), Pause(3.0), Completed(usage, "stop")])
    call = the_call(a_request(user="u", feature="f"), tenant="pinned")
    assert (await rig.run(call))[0] == Text("a")
    (line,) = call.progress.lines
    assert line == UsageLine(
        usage_id="llm.requests/0/1@1/1000/1", run_id="llm.requests/0/1@1", request_id="r-1", tenant="pinned", user="u",
        feature="f", attempt=1000, provider="p", model=MODEL, tokens=usage, cost_nanos=20_000, basis="provider",
        price_version="list-1", input_hash="0" * 64, started_at=datetime.fromtimestamp(NOW, UTC),
        ended_at=datetime.fromtimestamp(NOW + 5, UTC),
    )  # fmt: skip
    assert rig.ended.line == line
    assert (rig.ended.outcome, rig.ended.seconds, rig.ended.first_token_seconds) == ("completed", 5.0, 2.0)
    assert rig.asked == [(MODEL, datetime.fromtimestamp(NOW, UTC))]


@pytest.mark.parametrize("usage", [None, TokenCounts(input=10), TokenCounts(output=5), TokenCounts()])
async def test_an_answer_without_whole_usage_is_counted(usage: TokenCounts | None) -> None:
    """Basis estimated: a figure that was told is taken; else text, reasoning and tool calls count as output."""
    events: list[Step] = [
        Reasoning("one two"),
        Text(" three"),
        ToolCallPart(0, "c", "name", '{"a"'),
        ToolCallPart(0, None, None, ":1}"),
    ]
    rig = Rig([*events, Completed(usage, "stop")])
    call = the_call()
    await rig.run(call)
    (line,) = call.progress.lines
    told = usage or TokenCounts()
    prompt = counter().count_prompt(MODEL, call.request) if told.input is None else told.input
    counted = counter().count(MODEL, 'one two threename{"a":1}').tokens if told.output is None else told.output
    assert line.basis == "estimated"
    assert line.reason is None
    assert line.tokens == TokenCounts(input=prompt, output=counted)
    assert line.cost_nanos == 1000 * (line.tokens.input or 0) + 2000 * counted


async def test_a_call_lost_after_tokens_is_billed_for_what_came() -> None:
    """The provider worked: estimated by the tokens delivered, with the error as reason."""
    rig = Rig([Text("hello"), Disconnected("cut", provider="p")])
    call = the_call()
    assert isinstance(await rig.fail(call), Disconnected)
    (line,) = call.progress.lines
    assert (line.basis, line.reason) == ("estimated", "disconnected")
    assert line.tokens.output == counter().count(MODEL, "hello").tokens
    assert (rig.ended.outcome, rig.ended.error) == ("disconnected", "cut")


async def test_tokens_came_so_the_call_is_billed_whatever_the_error_says() -> None:
    """An error that costs nothing by itself does not take back what was delivered."""
    call = the_call()
    await Rig([Text("hello"), ServerFault("x", provider="p")]).fail(call)
    assert [line.basis for line in call.progress.lines] == ["estimated"]


async def test_a_call_that_may_have_cost_something_has_a_line() -> None:
    """No token came, but the provider may have worked: the prompt is billed, and no output."""
    call = the_call()
    await Rig([ServerFault("x", provider="p", may_have_cost=True)]).fail(call)
    (line,) = call.progress.lines
    assert (line.basis, line.reason, line.tokens.output) == ("estimated", "server_fault", 0)
    assert line.tokens.input


_EMBED = Request(request_id="r-1", model="m", input=["embed this"], stream=False)


@pytest.mark.parametrize(("request_", "output"), [(a_request(stream=False), None), (_EMBED, 0)])
async def test_how_long_an_answer_was_that_never_came_is_not_known(request_: Request, output: int | None) -> None:
    """A whole answer comes at once, and one that is cut may have been written to its end.

    Such calls were on the bill with no output, in a chaos run with 0 of 118 tokens. Embeddings have none.
    """
    call = the_call(request_)
    await Rig([Disconnected("cut", provider="p", may_have_cost=True)]).fail(call)
    (line,) = call.progress.lines
    assert (line.basis, line.tokens.output, line.cost_nanos is None) == ("estimated", output, output is None)
    assert line.tokens.input
    assert line.at_most is not None
    assert (line.at_most.cost_nanos or 0) >= 2000 * call.max_output_tokens


async def test_a_whole_answer_that_came_is_counted() -> None:
    """Also an empty one: then there is nothing that was not seen."""
    for events, output in (([Text("hello")], counter().count(MODEL, "hello").tokens), ([], 0)):
        call = the_call(a_request(stream=False))
        await Rig([*events, Completed(None, "stop")]).run(call)
        assert [line.tokens.output for line in call.progress.lines] == [output]


@pytest.mark.parametrize("kind", [ConnectFailed, BadRequest, ServerFault])
async def test_a_call_that_cannot_have_cost_anything_has_no_line(kind: type[ProviderError]) -> None:
    """It is told to the observer all the same, and counted as a call."""
    rig = Rig([kind("x", provider="p")])
    call = the_call()
    await rig.fail(call)
    assert call.progress.lines == []
    assert call.progress.calls == 1
    assert (rig.ended.line, rig.ended.outcome) == (None, kind.code)


@pytest.mark.parametrize("script", [[Text("hello"), Text("more")], [Reasoning("hello")]])
async def test_a_call_that_is_closed_is_billed_for_what_came(script: list[Step]) -> None:
    """The reader went: reason cancelled, estimated by what it had taken. The inner stream is closed."""
    rig = Rig([*script, Completed(None, "stop")])
    call = the_call()
    async with aclosing(rig.accounted.stream(call)) as events:
        async for _ in events:
            break
    (line,) = call.progress.lines
    assert (line.basis, line.reason) == ("estimated", "cancelled")
    assert line.tokens.output == counter().count(MODEL, "hello").tokens
    assert rig.provider.running == 0
    assert rig.ended.outcome == "cancelled"


async def test_calls_are_numbered_over_attempts() -> None:
    """Each call's usage id is its own, also when the attempt is the same."""
    call = the_call()
    for _ in range(2):
        await Rig([Completed(None, "stop")]).run(call)
    call.progress.restart()
    await Rig([Completed(None, "stop")]).run(call)
    ids = [line.usage_id.removeprefix(call.run_id) for line in call.progress.lines]
    assert ids == ["/1000/1", "/1000/2", "/1001/3"]


async def test_an_unknown_price_is_a_line_without_a_cost() -> None:
    """Null is not zero, and adds nothing to what was spent."""
    call = the_call()
    await Rig([Completed(TokenCounts(input=1, output=1), "stop")], rates=None).run(call)
    (line,) = call.progress.lines
    assert (line.cost_nanos, line.price_version) == (None, None)
    assert call.progress.spent_nanos == 0
