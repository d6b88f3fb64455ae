"""Fallback: which errors a later choice may mend, and what becomes of a run that none answers."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import pytest

from streamproc.chain.call import Call
from streamproc.chain.fallback import Fallback
from streamproc.chain.plan import Choice
from streamproc.chain.provider import Completed, Event, Restarted, Text
from streamproc.errors import (
    AnswerCut,
    AnswerTooLong,
    BadRequest,
    BudgetRefused,
    ContentPolicy,
    ContextTooLong,
    CredentialRefused,
    NotNow,
    Overloaded,
    ProviderError,
    QuotaExhausted,
    RetryBudgetSpent,
    RunError,
    ServerFault,
    StreamprocError,
)
from streamproc.observe.route_events import FellBack
from tests.fakes import Seen, a_call

ANSWER = (Text("yes"), Completed(None, "stop"))
NO_PERMIT = NotNow("full", code="no_permit", retry_after_seconds=2.0)
TOO_LONG = ContextTooLong("too long", provider="p")
WAITS: list[ProviderError | NotNow] = [
    ServerFault("broke", provider="p"),
    Overloaded("full", provider="p"),
    CredentialRefused("wrong key", provider="p"),
    QuotaExhausted("no money", provider="p"),
    NO_PERMIT,
]
FINAL: list[RunError | NotNow] = [
    BadRequest("what?", provider="p"),
    ContentPolicy("no", provider="p"),
    RetryBudgetSpent("lost too many"),
    AnswerCut("broke off"),
    AnswerTooLong("too long"),
    BudgetRefused("too dear"),
    NotNow("held", code="budget_held"),
]


class Says:
    """A provider that gives some events, and then raises what it is to raise."""

    def __init__(self, name: str, error: StreamprocError | None, events: Sequence[Event] = ()) -> None:
        self.name = name
        self.calls: list[str] = []
        self._error = error
        self._events = events

    async def stream(self, call: Call) -> AsyncGenerator[Event, None]:
        self.calls.append(call.model)
        for event in self._events if self._error is not None else (*self._events, *ANSWER):
            yield event
        if self._error is not None:
            raise self._error


class Rig:
    """A fallback over choices that end with these errors; None answers. Contexts are known where they are said."""

    def __init__(self, *errors: StreamprocError | None, contexts: Sequence[int | None] = (), begin: int = 0) -> None:
        self.says = [Says(f"p{number}", error) for number, error in enumerate(errors)]
        sizes = [*contexts, *[None] * (len(errors) - len(contexts))]
        self.choices = [Choice(says, f"m{says.name}", size) for says, size in zip(self.says, sizes, strict=True)]
        self.seen = Seen()
        self.call = a_call()
        self.call.progress.choice = begin

    async def events(self) -> list[Event]:
        async with aclosing(Fallback(self.choices, self.seen).stream(self.call)) as events:
            return [event async for event in events]

    @property
    def asked(self) -> list[int]:
        """How often each was asked."""
        return [len(says.calls) for says in self.says]


@pytest.mark.parametrize("error", WAITS, ids=lambda error: error.code)
async def test_what_the_next_one_may_answer(error: ProviderError | NotNow) -> None:
    """It is asked under its own name of the model, and the run knows who answered."""
    rig = Rig(error, None, None)
    assert await rig.events() == [*ANSWER]
    assert (rig.asked, rig.says[1].calls, rig.call.progress.choice) == ([1, 1, 0], ["mp1"], 1)
    (fell,) = rig.seen.of(FellBack)
    assert (fell.route, fell.left, fell.taken, fell.reason) == ("m", "p0/mp0", "p1/mp1", error.code)


@pytest.mark.parametrize("error", FINAL, ids=lambda error: error.code)
async def test_what_no_other_is_asked_after(error: RunError | NotNow) -> None:
    """A fault of the request, a budget, an answer that was paid for."""
    rig = Rig(error, None)
    with pytest.raises(type(error)) as raised:
        await rig.events()
    assert (raised.value, rig.asked) == (error, [1, 0])


async def test_when_none_answers_the_soonest_one_is_waited_for() -> None:
    """A run that came back when a breaker wanted its probe was that probe each time, though the next model was well."""
    first = Overloaded("full", provider="p", retry_after_seconds=7.0)
    soon = NotNow("a lease is on its way", code="no_permit", retry_after_seconds=0.01)
    rig = Rig(first, CredentialRefused("wrong key", provider="p"), soon)
    with pytest.raises(NotNow) as raised:
        await rig.events()
    assert (raised.value, rig.asked) == (soon, [1, 1, 1])
    rig = Rig(first, CredentialRefused("wrong key", provider="p"))
    with pytest.raises(Overloaded):
        await rig.events()


async def test_it_begins_where_the_run_was_admitted() -> None:
    """The first one was held back before the run had a slot."""
    rig = Rig(None, None, begin=1)
    await rig.events()
    assert (rig.asked, rig.seen.happenings) == ([0, 1], [])


async def test_a_request_that_is_too_long_goes_to_a_longer_context() -> None:
    """And to one of which nobody knows; one that is known to be no longer is passed over."""
    rig = Rig(TOO_LONG, None, None, contexts=[1000, 1000, 2000])
    await rig.events()
    assert rig.asked == [1, 0, 1]
    rig = Rig(TOO_LONG, None, contexts=[1000])
    await rig.events()
    assert rig.asked == [1, 1]
    assert rig.call.progress.unfit == {"p0/mp0"}


async def test_a_request_that_is_too_long_for_all_is_final() -> None:
    """As it is without a route."""
    rig = Rig(TOO_LONG, ContextTooLong("no", provider="q"))
    with pytest.raises(ContextTooLong) as raised:
        await rig.events()
    assert (raised.value, rig.asked) == (TOO_LONG, [1, 1])


@pytest.mark.parametrize("later", WAITS, ids=lambda error: error.code)
async def test_it_waits_for_the_one_that_it_fits_into(later: StreamprocError) -> None:
    """The longer context is away at present; the shorter one is not asked again."""
    rig = Rig(TOO_LONG, later, contexts=[1000, 2000])
    with pytest.raises(type(later)):
        await rig.events()
    assert rig.call.progress.unfit == {"p0/mp0"}


async def test_a_substitute_that_is_too_dear_fails_nobody() -> None:
    """The run waits for the first choice that it can pay."""
    away = ServerFault("broke", provider="p")
    rig = Rig(away, BudgetRefused("too dear"), None)
    await rig.events()
    assert rig.asked == [1, 1, 1]
    rig = Rig(away, BudgetRefused("too dear"))
    with pytest.raises(ServerFault):
        await rig.events()
    assert rig.call.progress.unfit == {"p1/mp1"}
    rig = Rig(None, BudgetRefused("too dear"), begin=1)
    with pytest.raises(NotNow) as raised:
        await rig.events()
    assert (raised.value.code, rig.asked) == ("no_permit", [0, 1])


async def test_what_was_seen_of_a_lost_attempt_is_void() -> None:
    """The layer below has said so before it gave up; what follows is the other's answer from its beginning."""
    rig = Rig(ServerFault("broke", provider="p"), None)
    rig.says[0]._events = (Text("no"), Restarted(1001, "server_fault"))
    assert await rig.events() == [Text("no"), Restarted(1001, "server_fault"), *ANSWER]


async def test_a_permit_belongs_to_one_provider() -> None:
    """It is given back before the next one is asked, which takes its own."""

    class Permit:
        is_spent = False

        def release(self) -> None:
            self.is_spent = True

    rig, permit = Rig(NO_PERMIT, None), Permit()
    rig.call.progress.permit = permit  # type: ignore[assignment] # all that is asked of one here
    await rig.events()
    assert (permit.is_spent, rig.call.progress.permit) == (True, None)
