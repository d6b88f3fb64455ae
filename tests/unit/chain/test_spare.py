"""Spare: what is given when nobody can answer, to whom, and what the bill says of it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from streamproc.chain.cache_rules import CacheRules
from streamproc.chain.call import Call
from streamproc.chain.journal import MemoryJournal
from streamproc.chain.plan import Choice
from streamproc.chain.provider import Completed, Event, Restarted, Text
from streamproc.chain.spare import Spare
from streamproc.errors import (
    BadRequest,
    BudgetRefused,
    CredentialRefused,
    DeadlinePassed,
    NotNow,
    Overloaded,
    RetryBudgetSpent,
    StreamprocError,
)
from streamproc.observe.cache_events import CacheLooked
from streamproc.observe.route_events import FellBack
from streamproc.records.usage import Saved, TokenCounts
from tests.unit.chain.cached import DONE, RULES, Rig

KEPT = CacheRules(*RULES[:4], stale_seconds=1000)
SICK = Overloaded("busy", provider="p")
TEXT = "Nobody can answer at present."


class Fails:
    """A provider that shows these events, and then has this fault."""

    name = "p"

    def __init__(self, fault: StreamprocError, *shown: Event) -> None:
        self._fault = fault
        self._shown = shown

    async def stream(self, call: Call) -> AsyncGenerator[Event, None]:
        """Fails."""
        del call
        for event in self._shown:
            yield event
        raise self._fault


async def given(rig: Rig, fails: Fails, call: Call, text: str | None = TEXT) -> list[Event]:
    """The events of a call behind the layer."""
    spare = Spare(fails, [Choice(fails, "m")], rig.answers, text, rig.clock, rig.seen)
    async with aclosing(spare.stream(call)) as events:
        return [event async for event in events]


async def test_an_old_answer_is_given_again_when_nobody_can_answer() -> None:
    """Its time is over, and the cache itself does not give it any more; the line says what it is, and costs nothing."""
    rig = Rig(rules=KEPT)
    await rig.buy()
    rig.clock.now += 100
    assert await rig.hit() is None
    call = rig.call(if_unavailable="stale")
    assert await given(rig, Fails(SICK), call) == [Text("ab"), DONE]
    (line,) = call.progress.lines
    assert (line.basis, line.cost_nanos, line.provider, line.model) == ("cache", 0, "p", "m")
    assert line.saved == Saved(state="stale", tokens=TokenCounts(input=3, output=2), nanos=7000)
    assert isinstance(call.journal, MemoryJournal)
    assert call.journal.notes == [("cached", line.usage_id, line)]
    assert call.progress.is_spare
    assert [looked.line for looked in rig.seen.of(CacheLooked) if looked.outcome == "stale"] == [line]


async def test_one_that_is_too_old_is_not() -> None:
    """`stale_seconds` after its time it is gone; the run waits as any other."""
    rig = Rig(rules=KEPT)
    await rig.buy()
    rig.clock.now += 1061
    with pytest.raises(Overloaded):
        await given(rig, Fails(SICK), rig.call(if_unavailable="stale"))


async def test_a_stated_text_is_for_who_takes_it() -> None:
    """Who takes old answers alone does not get it, nor does anybody where the route has none."""
    rig = Rig(rules=KEPT)
    call = rig.call(if_unavailable="degraded")
    assert await given(rig, Fails(SICK), call) == [Text(TEXT), Completed(None, "stop")]
    assert call.progress.is_spare
    assert call.progress.lines == []
    (fell,) = rig.seen.of(FellBack)
    assert (fell.left, fell.taken, fell.reason) == ("p/m", "text", "overloaded")
    for taker, text in ((rig.call(if_unavailable="stale"), TEXT), (rig.call(if_unavailable="degraded"), None)):
        with pytest.raises(Overloaded):
            await given(rig, Fails(SICK), taker, text)
        assert not taker.progress.is_spare


@pytest.mark.parametrize(
    "fault",
    [
        SICK,
        CredentialRefused("key", provider="p"),
        RetryBudgetSpent("three attempts"),
        NotNow("no leave", code="no_permit"),
    ],
)
async def test_nobody_can_answer(fault: StreamprocError) -> None:
    """The provider failed, refused the key, may not be asked any more, or takes no call."""
    assert len(await given(Rig(), Fails(fault), Rig().call(if_unavailable="degraded"))) == 2


@pytest.mark.parametrize(
    "fault",
    [
        BadRequest("no", provider="p"),
        BudgetRefused("spent"),
        DeadlinePassed("late"),
        NotNow("reserved", code="budget_held"),
    ],
)
async def test_what_is_no_fault_of_the_providers_stays_what_it_is(fault: StreamprocError) -> None:
    """A spare answer would hide it."""
    with pytest.raises(type(fault)):
        await given(Rig(), Fails(fault), Rig().call(if_unavailable="degraded"))


async def test_what_was_shown_before_is_void() -> None:
    """Unless that was told already."""
    call = Rig().call(if_unavailable="degraded")
    attempt = call.progress.attempt
    events = await given(Rig(), Fails(RetryBudgetSpent("lost"), Text("half")), call)
    assert events[:2] == [Text("half"), Restarted(attempt + 1, "spare")]
    told = await given(Rig(), Fails(SICK, Text("half"), Restarted(7, "overloaded")), call)
    assert told[2] == Text(TEXT)


async def test_who_says_nothing_is_not_concerned() -> None:
    """The layer costs nothing then: the events are the inner provider's own."""
    for said in (None, "wait"):
        with pytest.raises(Overloaded):
            await given(Rig(), Fails(SICK), Rig().call(if_unavailable=said))


async def test_who_wants_nothing_of_the_cache_gets_no_old_answer_either() -> None:
    """`off` neither reads nor stores."""
    rig = Rig(rules=KEPT)
    await rig.buy()
    with pytest.raises(Overloaded):
        await given(rig, Fails(SICK), rig.call(if_unavailable="stale", cache="off"))
