"""Fallback: goes on to the next choice of a plan when one cannot answer at present.

It stands outside everything else, so each choice has its own cache, retries, limits and accounts. It begins where the
run was admitted. A later choice makes nothing worse than it was: when none answers, the run waits for the first one.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from math import inf

from streamproc.chain.call import Call, Progress
from streamproc.chain.plan import Choice
from streamproc.chain.provider import Event
from streamproc.errors import BudgetRefused, ContextTooLong, CredentialFault, NotNow, StreamprocError, Transient
from streamproc.observe.events import Observer
from streamproc.observe.route_events import FellBack

__all__ = ["Fallback"]

_Fault = Transient | CredentialFault | NotNow | ContextTooLong | BudgetRefused


class Fallback:
    """Several choices that are one provider; `call.progress.choice` says which one is asked."""

    def __init__(self, choices: Sequence[Choice], observer: Observer) -> None:
        """At least one choice."""
        self._choices = choices
        self._observer = observer
        self.name = choices[0].provider.name

    async def stream(self, call: Call) -> AsyncGenerator[Event, None]:
        """The events of the first choice that answers.

        Raises:
            Transient: none did; the first one's error, as those below.
            CredentialFault: the same.
            NotNow: the same; or a wait that is no provider's fault, at once.
            ContextTooLong: the request fits into no context.
            RunError: it is final, whoever says so.
        """
        progress = call.progress
        faults: list[_Fault] = []
        while True:
            choice = self._choices[progress.choice]
            try:
                async with aclosing(choice.provider.stream(call._replace(model=choice.model))) as events:
                    async for event in events:
                        yield event
                return
            except (Transient, CredentialFault, NotNow, ContextTooLong, BudgetRefused) as error:
                if not _gives_way(error, progress.choice):
                    raise
                fault = error
            faults.append(fault)
            progress.unfit |= self._unfit(choice, fault)
            progress.give_back()
            following = self._after(progress)
            if following is None:
                raise _fate(faults)
            to = self._choices[following].place
            self._observer.saw(FellBack(call.run_id, call.request.model, choice.place, to, fault.code))
            progress.choice = following

    def _unfit(self, choice: Choice, fault: _Fault) -> frozenset[str]:
        if isinstance(fault, BudgetRefused):
            return frozenset({choice.place})
        if not isinstance(fault, ContextTooLong):
            return frozenset()
        size = choice.context_tokens or 0  # of which one has no size no other is known to be smaller
        no_larger = (other.place for other in self._choices if (other.context_tokens or inf) <= size)
        return frozenset({choice.place, *no_larger})

    def _after(self, progress: Progress) -> int | None:
        numbers = range(progress.choice + 1, len(self._choices))
        return next((number for number in numbers if self._choices[number].place not in progress.unfit), None)


def _gives_way(fault: _Fault, number: int) -> bool:
    if isinstance(fault, NotNow):
        return fault.code == "no_permit"
    # A substitute that is too dear was not called, and its first choice may still answer.
    return number > 0 or not isinstance(fault, BudgetRefused)


def _fate(faults: Iterable[_Fault]) -> StreamprocError:
    """What becomes of a run that no choice answered: it waits for the one that may answer soonest, if any may."""
    waits: list[Transient | CredentialFault | NotNow] = []
    final: StreamprocError | None = None
    for fault in faults:
        if isinstance(fault, Transient | CredentialFault | NotNow):
            waits.append(fault)
        elif isinstance(fault, ContextTooLong):
            final = final or fault
    if waits:
        return min(waits, key=lambda fault: inf if fault.retry_after_seconds is None else fault.retry_after_seconds)
    return final or NotNow("what may still answer costs more than is left", code="no_permit")
