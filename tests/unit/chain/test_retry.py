"""Retrying: what is tried again, what everybody is told, and when it ends. Time is a fake clock's."""

import asyncio
from contextlib import aclosing
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.chain.call import Call
from streamproc.chain.provider import Event, Restarted, Text
from streamproc.chain.retry import Retrying
from streamproc.chain.retry_rules import RetryPolicy, wait_seconds
from streamproc.errors import (
    BadRequest,
    CredentialRefused,
    Disconnected,
    IncompleteStream,
    ProviderError,
    RateLimited,
    RetryBudgetSpent,
    ServerFault,
    TimedOut,
    Transient,
)
from streamproc.providers.scripted import Pause, Scripted, Step
from tests.fakes import NOW, FakeClock, Seen, a_call, scripted
from tests.unit.chain.tries import DONE, POLICY, Rig, fault, plenty


@given(
    st.integers(1, 10_000), st.floats(0.001, 100), st.floats(0.001, 1000), st.none() | st.floats(0, 10_000),
    st.floats(0, 1, exclude_max=True),
)  # fmt: skip
def test_a_wait_is_spread_below_its_bound_and_never_shorter_than_the_hint(
    tries: int, base: float, cap: float, hint: float | None, drawn: float
) -> None:
    """Any number of failures, however large: no overflow, nothing negative, the hint obeyed."""
    wait = wait_seconds(tries, base, cap, hint, lambda: drawn)
    assert 0 <= wait <= max(cap, hint or 0)
    if hint is not None:
        assert wait >= hint
    assert wait_seconds(1, base, cap, None, lambda: drawn) <= base


def test_the_bound_doubles_up_to_the_cap() -> None:
    """With the whole of each bound: 1, 2, 4, 8, 8."""
    bounds = [wait_seconds(tries, 1.0, 8.0, None, lambda: 1.0) for tries in range(1, 6)]
    assert bounds == [1.0, 2.0, 4.0, 8.0, 8.0]
    assert wait_seconds(3, 1.0, 8.0, None, lambda: 0.0) == 0.0


async def test_an_answer_at_the_first_try_passes_unchanged() -> None:
    """One call, no wait, nothing told."""
    rig = Rig([Text("a"), Text("b"), DONE])
    assert await rig.events() == [Text("a"), Text("b"), DONE]
    assert (rig.provider.started, rig.clock.slept, rig.waits) == (1, [], [])


async def test_failures_before_the_first_token_are_silent() -> None:
    """Three calls, one answer, the same attempt; waits grow."""
    rig = Rig([fault()], [fault(RateLimited)], [Text("a"), DONE])
    assert await rig.events() == [Text("a"), DONE]
    assert rig.provider.started == 3
    assert rig.call.progress.attempt == 1000
    assert rig.call.progress.lost_attempts == 0
    assert rig.clock.slept == [0.5, 1.0]
    assert rig.waits == [("server_fault", 0.5, False), ("rate_limited", 1.0, False)]


async def test_a_failure_after_a_token_is_a_visible_new_attempt() -> None:
    """Everybody who saw the lost one is told before the next one begins."""
    rig = Rig([Text("a"), fault(Disconnected)], [Text("b"), DONE])
    assert await rig.events() == [Text("a"), Restarted(1001, "disconnected"), Text("b"), DONE]
    assert rig.call.progress.attempt == 1001
    assert rig.call.progress.lost_attempts == 1
    assert rig.waits == [("disconnected", 0.5, True)]


async def test_a_stream_that_is_cut_is_tried_again() -> None:
    """A script that ends without its end is a cut stream, not a short answer."""
    rig = Rig([Text("a")], [Text("b"), DONE])
    assert (await rig.events())[1] == Restarted(1001, "incomplete_stream")


async def test_the_tries_in_a_row_are_counted() -> None:
    """The last failure comes out as it is; no wait follows it."""
    rig = Rig([fault()], [fault()], [fault(RateLimited)])
    with pytest.raises(RateLimited):
        await rig.events()
    assert (rig.provider.started, len(rig.clock.slept), len(rig.waits)) == (3, 2, 2)


async def test_who_gives_up_after_a_token_tells_that_too() -> None:
    """Whoever tries next must not go on where the lost attempt ended."""
    rig = Rig([Text("a"), fault()], policy=RetryPolicy(1, 1.0, 8.0, 2))
    events: list[Event] = []
    with pytest.raises(ServerFault):  # noqa: PT012 what came before the failure counts
        async for event in rig.retrying.stream(rig.call):
            events.append(event)  # noqa: PERF401 the same
    assert events == [Text("a"), Restarted(1001, "server_fault")]
    assert rig.provider.started == 1
    assert rig.clock.slept == []


@pytest.mark.parametrize("kind", [BadRequest, CredentialRefused])
async def test_what_would_fail_again_is_not_tried_again(kind: type[ProviderError]) -> None:
    """A fault of the request or of the credential comes out at once, also after a token."""
    for before in ([], [Text("a")]):
        rig = Rig([*before, fault(kind)])
        with pytest.raises(kind):
            await rig.events()
        assert (rig.provider.started, rig.clock.slept) == (1, [])


async def test_a_hint_is_obeyed() -> None:
    """The provider's time, where it is longer than our own."""
    rig = Rig([fault(RateLimited, 7.5)], [fault(RateLimited, 0.01)], [DONE])
    await rig.events()
    assert rig.clock.slept == [7.5, 1.0]


@pytest.mark.parametrize("hint", [8.001, 3600.0, inf])
async def test_a_hint_above_the_cap_gives_the_slot_back(hint: float) -> None:
    """The run waits in its queue, not here."""
    rig = Rig([fault(RateLimited, hint)], [DONE])
    with pytest.raises(RateLimited) as caught:
        await rig.events()
    assert caught.value.retry_after_seconds == hint
    assert (rig.provider.started, rig.clock.slept) == (1, [])


async def test_no_wait_reaches_the_deadline() -> None:
    """A try that nobody would wait for is not begun."""
    rig = Rig([fault(RateLimited, 5.0)], [fault(RateLimited, 5.0)], [DONE])
    rig.call = a_call(deadline=NOW + 10.0)
    with pytest.raises(RateLimited):
        await rig.events()
    assert (rig.provider.started, rig.clock.slept) == (2, [5.0])


async def test_lost_attempts_have_a_budget_for_the_whole_run() -> None:
    """Each was paid for: after two the third ends the run, in however many rows they were lost."""
    lost: list[Step] = [Text("a"), fault(Disconnected)]
    rig = Rig(lost, lost, lost, [DONE])
    with pytest.raises(RetryBudgetSpent, match="3 attempts were lost") as caught:
        await rig.events()
    assert isinstance(caught.value.__cause__, Disconnected)
    assert rig.provider.started == 3
    later = Rig(lost, [DONE])
    later.call.progress.lost_attempts = 2
    with pytest.raises(RetryBudgetSpent):
        await later.events()
    assert later.provider.started == 1


async def test_an_attempt_that_may_have_been_billed_counts_without_a_token() -> None:
    """A provider that times out works on and bills: such calls were repeated until the deadline, hundreds of times."""
    rig = Rig([fault(TimedOut)], [fault(TimedOut)], [fault(TimedOut)], [DONE])
    with pytest.raises(RetryBudgetSpent, match="3 attempts were lost"):
        await rig.events()
    assert rig.provider.started == 3


async def test_closing_at_a_token_closes_the_call() -> None:
    """The reader goes while a token is under way: the provider's stream ends now, not at some later time."""
    rig = Rig([Text("a"), Text("b"), DONE])
    async with aclosing(rig.retrying.stream(rig.call)) as events:
        async for _ in events:
            assert rig.provider.running == 1
            break
    assert rig.provider.running == 0


async def test_cancelling_while_a_call_waits_closes_it() -> None:
    """Cancelled inside the provider: its stream is closed, and nothing is tried again."""

    async def forever(seconds: float) -> None:
        await asyncio.Event().wait()

    call = a_call()
    provider = Scripted("p", lambda _: [Text("a"), Pause(1.0), DONE], forever)
    retrying = Retrying(provider, POLICY, plenty(), FakeClock(), lambda: 0.5, Seen())
    task = asyncio.create_task(_drain(retrying, call))
    for _ in range(5):
        await asyncio.sleep(0)
    assert provider.running == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert repr(provider) == "<Scripted p started=1 running=0>"


async def test_cancelling_between_tries_starts_no_other() -> None:
    """Cancelled while it waits: the failed call is closed and no new one begins."""

    class Sleepless(FakeClock):
        async def sleep(self, seconds: float) -> None:
            self.slept.append(seconds)
            await asyncio.Event().wait()

    clock = Sleepless()
    provider = scripted(lambda _: [fault()])
    task = asyncio.create_task(_drain(Retrying(provider, POLICY, plenty(), clock, lambda: 0.5, Seen()), a_call()))
    for _ in range(5):
        await asyncio.sleep(0)
    assert (provider.running, clock.slept) == (0, [0.5])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert repr(provider) == "<Scripted p started=1 running=0>"


async def _drain(retrying: Retrying, call: Call) -> None:
    async for _ in retrying.stream(call):
        pass


def test_the_layer_keeps_the_provider_s_name() -> None:
    """For usage lines and metrics."""
    assert Rig().retrying.name == "p"
    assert issubclass(IncompleteStream, Transient)
