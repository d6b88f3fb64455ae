"""Spare: when nobody can answer, gives an old answer or a stated text to a request that says it takes one.

Nobody can answer when every choice failed or takes no call at present. Faults of the request itself, refused budgets
and passed deadlines are no such thing. A request that says nothing waits instead, and this layer is not in its way.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from streamproc.chain.answers import Answers
from streamproc.chain.cache_rules import key_of, mode_of
from streamproc.chain.call import Call
from streamproc.chain.clock import Clock
from streamproc.chain.plan import Choice
from streamproc.chain.provider import Completed, Event, Provider, Restarted, Text
from streamproc.chain.saved_line import book_saved
from streamproc.errors import CredentialFault, NotNow, RetryBudgetSpent, Transient
from streamproc.observe.cache_events import CacheLooked
from streamproc.observe.events import Observer
from streamproc.observe.route_events import FellBack
from streamproc.records.usage import Saved

__all__ = ["Spare"]

_NO_PERMIT = "no_permit"

_Fault = Transient | CredentialFault | RetryBudgetSpent | NotNow


class Spare:
    """A provider that has something left to give when the inner one has nothing."""

    def __init__(
        self,
        inner: Provider,
        choices: Sequence[Choice],
        answers: Answers | None,
        text: str | None,
        clock: Clock,
        observer: Observer,
    ) -> None:
        """Old answers are looked for of `choices`, in order; None for `answers` or `text`: there is nothing such."""
        self._inner = inner
        self._choices = choices
        self._answers = answers
        self._text = text
        self._clock = clock
        self._observer = observer
        self.name = inner.name

    def stream(self, call: Call) -> AsyncGenerator[Event, None]:
        """The inner provider's events; after its failure those of what is left.

        Raises:
            StreamprocError: as the inner provider, when nothing is left either.
        """
        return self._stream(call) if call.request.takes_less else self._inner.stream(call)

    async def _stream(self, call: Call) -> AsyncGenerator[Event, None]:
        shown = False
        fault: _Fault
        try:
            async with aclosing(self._inner.stream(call)) as events:
                async for event in events:
                    shown = type(event) is not Restarted
                    yield event
            return
        except (Transient, CredentialFault, RetryBudgetSpent) as error:
            fault = error
        except NotNow as error:
            if error.code != _NO_PERMIT:
                raise
            fault = error
        call.progress.give_back()
        spare = await self._old(call) or self._stated(call, fault)
        if spare is None:
            raise fault
        call.progress.is_spare = True
        if shown:
            yield Restarted(call.progress.restart(), "spare")
        for event in spare:
            yield event

    async def _old(self, call: Call) -> list[Event] | None:
        if self._answers is None or mode_of(call.request) == "off":
            return None
        for number, choice in enumerate(self._choices):
            began = self._clock.time()
            key = key_of(call.tenant, choice.place, call.max_output_tokens, call.input_hash)
            found = await self._answers.find_old(key)
            if found is not None:
                answer = found.answer
                saved = Saved(state="stale", tokens=answer.tokens, nanos=answer.nanos)
                call.progress.choice = number
                provider, model = choice.provider.name, choice.model
                line = book_saved(call, provider, model, saved, began, self._clock.time())
                looked = CacheLooked(call.run_id, call.tenant, provider, model, call.input_hash, "stale", line)
                self._observer.saw(looked)
                return [*answer.events(), answer.completed()]
        return None

    def _stated(self, call: Call, fault: _Fault) -> list[Event] | None:
        if call.request.if_unavailable != "degraded" or self._text is None:
            return None
        left = self._choices[call.progress.choice].place
        self._observer.saw(FellBack(call.run_id, call.request.model, left, "text", fault.code))
        return [Text(self._text), Completed(None, "stop")]
