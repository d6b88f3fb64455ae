"""Cached: gives an answer that was bought before, or follows an equal run's call; else the inner provider is asked.

What comes from the cache leaves a usage line of its own, which used nothing and tells what was saved. Who pays is the
run that makes the call. When that run gives up for a reason of its own, the next one that follows it buys anew; a fault
of the provider is everybody's, and each run waits or fails by it as if the call had been its own.
"""

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing

from streamproc.chain.answers import Answers, FoundAnswer
from streamproc.chain.cache_rules import flight_key_of, key_of, mode_of
from streamproc.chain.call import Call
from streamproc.chain.clock import Clock
from streamproc.chain.flight import Bought, End, Flight, Signal
from streamproc.chain.provider import Completed, Event, Provider, Restarted
from streamproc.chain.saved_line import book_saved
from streamproc.errors import AnswerCut, ProviderError
from streamproc.observe.cache_events import CacheLooked, CacheOutcome
from streamproc.observe.events import (
    Observer,
)
from streamproc.records.usage import Saved, TokenCounts, UsageLine
from streamproc.stores.store import StoreKey

__all__ = ["Cached", "Flights"]

Flights = dict[StoreKey, Flight]
"""Calls that are under way in this process, and that equal runs may follow."""


class Cached:
    """A provider in front of which stand stored answers, and calls of equal runs.

    Between a look at the flights and the opening of one nothing suspends, and an answer is stored before its flight is
    taken off: so equal runs, however many and whenever they come, make one call.
    """

    def __init__(
        self,
        inner: Provider,
        answers: Answers,
        flights: Flights,
        new_signal: Callable[[], Signal],
        clock: Clock,
        observer: Observer,
    ) -> None:
        """`flights` is shared by all providers of the process; `new_signal` makes what wakes followers."""
        self._inner = inner
        self._answers = answers
        self._flights = flights
        self._new_signal = new_signal
        self._clock = clock
        self._observer = observer
        self.name = inner.name

    def stream(self, call: Call) -> AsyncGenerator[Event, None]:
        """The events of a stored answer, of an equal run's call, or of the inner provider."""
        mode = mode_of(call.request)
        if mode == "off":
            return self._inner.stream(call)
        key = key_of(call.tenant, f"{self.name}/{call.model}", call.max_output_tokens, call.input_hash)
        return self._answer(call, key, is_new=mode == "refresh")

    async def _answer(self, call: Call, key: StoreKey, *, is_new: bool) -> AsyncGenerator[Event, None]:
        """`is_new`: the answer has to be one that is bought now, for this run."""
        began = self._clock.time()
        place = flight_key_of(key, call.request)
        # Who wants a new answer follows nobody, and who takes an old one does not follow that call.
        flights = {} if is_new else self._flights
        while (flight := flights.get(place)) is not None and flight.is_whole:
            async with aclosing(self._follow(call, flight, began)) as events:
                async for event in events:
                    yield event
            if isinstance(flight.end, Bought):
                return
        flight = flights[place] = Flight(self._new_signal, self._answers.rules.max_entry_bytes)
        try:
            found = None if is_new else await self._answers.find(key, call.request)
            if found is not None:
                for event in self._replay(call, found, place, flight):
                    yield event
                return
            self._saw(call, "refresh" if is_new else "miss")
            lines, completed = len(call.progress.lines), None
            async with aclosing(self._inner.stream(call)) as events:
                async for event in events:
                    if type(event) is Completed:
                        # Held back until the call has its usage line, which comes when its events are all taken.
                        completed = event
                    else:
                        flight.add(event)
                        yield event
            if completed is not None:
                self._bought(call, key, place, flight, completed, call.progress.lines[lines:])
                yield completed
        except (ProviderError, AnswerCut) as fault:
            flight.close(fault)
            raise
        finally:
            self._land(place, flight, "gone")

    async def _follow(self, call: Call, flight: Flight, began: float) -> AsyncGenerator[Event, None]:
        call.progress.give_back()  # who makes no call needs no leave
        shown = False
        async with aclosing(flight.follow(call.progress)) as events:
            async for event in events:
                shown = type(event) is not Restarted
                yield event
        if isinstance(flight.end, Bought):
            self._book(call, flight.end.saved, began, "coalesced")
            yield flight.end.completed
        elif isinstance(flight.end, ProviderError | AnswerCut):
            raise flight.end.with_traceback(None)
        elif shown:
            yield Restarted(call.progress.restart(), "payer_gone")

    def _replay(self, call: Call, found: FoundAnswer, place: StoreKey, flight: Flight) -> Iterator[Event]:
        call.progress.give_back()
        began = self._clock.time()
        answer = found.answer
        bought = Bought(answer.completed(), answer.tokens, answer.nanos, "hit")
        flight.events.extend(answer.events())
        self._land(place, flight, bought)
        yield from flight.events
        self._book(call, bought.saved, began, found.place)
        yield bought.completed

    def _bought(
        self,
        call: Call,
        key: StoreKey,
        place: StoreKey,
        flight: Flight,
        completed: Completed,
        lines: Sequence[UsageLine],
    ) -> None:
        if lines:
            bought = Bought(completed, lines[-1].tokens, lines[-1].cost_nanos)
        else:
            bought = Bought(completed, completed.usage or TokenCounts(), None)
        if flight.is_whole:
            self._answers.keep(key, call, flight.events, bought)
        self._land(place, flight, bought)

    def _land(self, place: StoreKey, flight: Flight, end: End) -> None:
        flight.close(end)
        if self._flights.get(place) is flight:
            del self._flights[place]

    def _book(self, call: Call, saved: Saved, began: float, outcome: CacheOutcome) -> None:
        line = book_saved(call, self.name, call.model, saved, began, self._clock.time())
        self._saw(call, outcome, line)

    def _saw(self, call: Call, outcome: CacheOutcome, line: UsageLine | None = None) -> None:
        self._observer.saw(CacheLooked(call.run_id, call.tenant, self.name, call.model, call.input_hash, outcome, line))
