"""Single flight: equal runs at the same time make one call, and nobody holds up or disturbs anybody else."""

import asyncio

import pytest

from streamproc.chain.cache_rules import CacheRules
from streamproc.chain.provider import Event, Restarted, Text
from streamproc.errors import (
    AnswerCut,
    BadRequest,
    BudgetRefused,
    CredentialRefused,
    NotNow,
    RetryBudgetSpent,
    ServerFault,
)
from streamproc.records.usage import Saved, TokenCounts
from tests.fakes import eventually
from tests.unit.chain.cached import DONE, Reader, Rig


async def payer_and_followers(rig: Rig, followers: int, *events: Event) -> tuple[Reader, list[Reader]]:
    """A run that makes a call, of which these events came, and runs that follow it and have seen the same."""
    payer = rig.read()
    await eventually(lambda: len(rig.faucet.calls) == 1)
    rig.faucet.give(*events)
    await payer.has(len(events))
    readers = [rig.read() for _ in range(followers)]
    (flight,) = rig.flights.values()
    await eventually(lambda: flight.followers == followers)
    for reader in readers:
        await reader.has(len(events))
    return payer, readers


async def test_a_follower_gets_what_came_and_then_what_comes() -> None:
    """Also one that comes in the middle; its line tells what the payer's call cost."""
    rig = Rig()
    payer, (early,) = await payer_and_followers(rig, 1, Text("a"), Text("b"))
    rig.faucet.give(Text("c"))
    await early.has(3)
    late = rig.read()
    await late.has(3)
    rig.faucet.give(DONE)
    await asyncio.gather(payer.task, early.task, late.task)
    assert early.events == late.events == payer.events == [Text("a"), Text("b"), Text("c"), DONE]
    assert len(rig.faucet.calls) == 1
    assert early.line.saved == Saved(state="coalesced", tokens=TokenCounts(input=3, output=2), nanos=7000)
    assert (early.line.basis, early.line.cost_nanos) == ("cache", 0)
    assert payer.line.saved is None
    assert rig.outcomes == ["miss", "coalesced", "coalesced"]
    assert rig.flights == {}


async def test_a_thousand_equal_runs_make_one_call() -> None:
    """And those that come when it is over are answered from the store."""
    rig = Rig()
    runs = [rig.read() for _ in range(1000)]
    await eventually(lambda: len(rig.faucet.calls) == 1)
    rig.faucet.give(Text("a"), DONE)
    await asyncio.gather(*(run.task for run in runs))
    assert {run.text for run in runs} == {"a"}
    assert await rig.hit() is not None
    assert len(rig.faucet.calls) == 1
    assert sum(run.line.basis == "cache" for run in runs) == 999


async def test_when_the_payer_is_cancelled_one_follower_buys_anew() -> None:
    """A thousand runs and two calls; who has seen something is told that it is void, under an attempt of its own."""
    rig = Rig()
    payer, followers = await payer_and_followers(rig, 999, Text("half"))
    await payer.cancel()
    await eventually(lambda: len(rig.faucet.calls) == 2)
    assert rig.faucet.running == 1
    rig.faucet.give(Text("whole"), DONE)
    await asyncio.gather(*(follower.task for follower in followers))
    assert len(rig.faucet.calls) == 2
    for number, follower in enumerate(followers, 2):
        restarted = Restarted(number * 1000 + 1, "payer_gone")
        assert follower.events == [Text("half"), restarted, Text("whole"), DONE]
        assert follower.line.attempt == number * 1000 + 1 or follower.line.saved is None
    assert sum(follower.line.basis == "cache" for follower in followers) == 998


async def test_who_has_seen_nothing_is_not_restarted() -> None:
    """There is nothing to be void."""
    rig = Rig()
    payer, (follower,) = await payer_and_followers(rig, 1)
    await payer.cancel()
    await eventually(lambda: len(rig.faucet.calls) == 2)
    rig.faucet.give(Text("a"), DONE)
    await follower.task
    assert follower.events == [Text("a"), DONE]


async def test_a_follower_that_goes_disturbs_nobody() -> None:
    """Neither the payer nor another follower."""
    rig = Rig()
    payer, (first, second) = await payer_and_followers(rig, 2, Text("a"))
    await first.cancel()
    rig.faucet.give(Text("b"), DONE)
    await asyncio.gather(payer.task, second.task)
    assert payer.text == second.text == "ab"
    assert first.call.progress.lines == []
    assert len(rig.faucet.calls) == 1


@pytest.mark.parametrize(
    "fault",
    [
        ServerFault("no", provider="p"),
        BadRequest("no", provider="p"),
        CredentialRefused("no", provider="p"),
        AnswerCut("no"),
    ],
)
async def test_a_fault_of_the_provider_is_everybodys(fault: Exception) -> None:
    """Otherwise a thousand runs would try a provider that is away one after the other, each in its slot.

    Where the settings want no new attempt after a first token, its followers make none either.
    """
    rig = Rig()
    payer, followers = await payer_and_followers(rig, 3, Text("a"))
    rig.faucet.give(fault)
    ends = await asyncio.gather(payer.task, *(follower.task for follower in followers), return_exceptions=True)
    assert ends == [fault] * 4
    assert len(rig.faucet.calls) == 1
    assert rig.flights == {}
    assert all(not follower.call.progress.lines for follower in followers)


@pytest.mark.parametrize("error", [BudgetRefused("no"), RetryBudgetSpent("no"), NotNow("no")])
async def test_what_only_the_payer_may_not_do_the_next_one_does(error: Exception) -> None:
    """Its own budget, its own lost attempts."""
    rig = Rig()
    payer, (follower,) = await payer_and_followers(rig, 1)
    rig.faucet.give(error)
    await eventually(lambda: len(rig.faucet.calls) == 2)
    with pytest.raises(type(error)):
        await payer.task
    rig.faucet.give(Text("a"), DONE)
    await follower.task
    assert follower.text == "a"
    assert follower.line.saved is None


async def test_a_restart_of_the_payer_is_a_restart_of_all() -> None:
    """Under attempts of their own; who has seen nothing yet sees only the new try."""
    rig = Rig()
    payer, (follower,) = await payer_and_followers(rig, 1, Text("lost"))
    blind = rig.read()
    rig.faucet.give(Restarted(1001, "disconnected"), Text("kept"), DONE)
    await asyncio.gather(payer.task, follower.task, blind.task)
    assert payer.events == [Text("lost"), Restarted(1001, "disconnected"), Text("kept"), DONE]
    assert follower.events == [Text("lost"), Restarted(2001, "disconnected"), Text("kept"), DONE]
    assert blind.text == "kept"
    reader = await rig.hit()
    assert reader is not None
    assert reader.text == "kept"


async def test_nobody_joins_a_call_whose_answer_is_too_long_to_keep() -> None:
    """It makes a call of its own; who followed from the beginning gets everything."""
    rig = Rig(CacheRules(60, 600, max_entry_bytes=1000, compress_above_bytes=100))
    payer, (follower,) = await payer_and_followers(rig, 1, Text("a" * 600))
    rig.faucet.give(Text("b" * 600))
    await follower.has(2)
    late = rig.read()
    await eventually(lambda: len(rig.faucet.calls) == 2)
    rig.faucet.give(DONE, call=0)
    rig.faucet.give(Text("c"), DONE, call=1)
    await asyncio.gather(payer.task, follower.task, late.task)
    assert follower.text == payer.text == "a" * 600 + "b" * 600
    assert late.text == "c"
    assert rig.flights == {}


async def test_who_wants_pieces_does_not_wait_for_a_whole() -> None:
    """A call that gives everything at its end is followed by those that want no more."""
    rig = Rig()
    whole = rig.read(stream=False)
    await eventually(lambda: len(rig.faucet.calls) == 1)
    pieces = rig.read()
    await eventually(lambda: len(rig.faucet.calls) == 2)
    other = rig.read(stream=False)
    rig.faucet.give(Text("ab"), DONE, call=0)
    rig.faucet.give(Text("a"), Text("b"), DONE, call=1)
    await asyncio.gather(whole.task, pieces.task, other.task)
    assert whole.text == other.text == pieces.text == "ab"
    assert len(rig.faucet.calls) == 2


async def test_a_refresh_follows_nobody_and_is_not_followed() -> None:
    """It is to be a new answer."""
    rig = Rig()
    await payer_and_followers(rig, 0)
    rig.read(cache="refresh")
    await eventually(lambda: len(rig.faucet.calls) == 2)
    (flight,) = rig.flights.values()
    rig.faucet.give(Text("new"), DONE, call=1)
    follower = rig.read()
    await eventually(lambda: flight.followers == 1)
    rig.faucet.give(Text("a"), DONE, call=0)
    await follower.task
    assert follower.text == "a"
    assert repr(flight) == "Flight(events=1, followers=0, room=99998)"
