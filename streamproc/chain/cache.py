"""Cached: gives an answer that was bought before, or follows an equal run's call; else the inner provider is asked.

What comes from the cache leaves a usage line of its own, which used nothing and tells what was saved. Who pays is the
run that makes the call. When that run gives up for a reason of its own, the next one that follows it buys anew; a fault
of the provider is everybody's, and each run waits or fails by it as if the call had been its own.
"""

from collections.abc import AsyncGenerator, Callable
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
        return self._look(call, key) if mode == "use" else self._refresh(call, key)

    async def _look(self, call: Call, key: StoreKey) -> AsyncGenerator[Event, None]:
        began = self._clock.time()
        place = flight_key_of(key, call.request)
        while (flight := self._flights.get(place)) is not None and flight.is_whole:
            call.progress.give_back()  # who makes no call needs no leave
            shown = False
            async with aclosing(flight.follow(call.progress)) as events:
                async for event in events:
                    shown = type(event) is not Restarted
                    yield event
            if isinstance(flight.end, Bought):
                self._book(call, flight.end.saved, began, "coalesced")
                yield flight.end.completed
                return
            if isinstance(flight.end, ProviderError | AnswerCut):
                raise flight.end.with_traceback(None)
            if shown:
                yield Restarted(call.progress.restart(), "payer_gone")
        flight = self._flights[place] = self._flight()
        try:
            found = await self._answers.find(key, call.request)
            source = self._pay(call, key, place, flight) if found is None else self._replay(call, found, place, flight)
            async with aclosing(source) as events:
                async for event in events:
                    yield event
        except (ProviderError, AnswerCut) as fault:
            flight.close(fault)
            raise
        finally:
            self._land(place, flight, "gone")

    async def _replay(
        self, call: Call, found: FoundAnswer, place: StoreKey, flight: Flight
    ) -> AsyncGenerator[Event, None]:
        call.progress.give_back()
        began = self._clock.time()
        answer = found.answer
        saved = Saved(state="hit", tokens=answer.tokens, nanos=answer.nanos)
        flight.events.extend(answer.events())
        self._land(place, flight, Bought(answer.completed(), saved))
        for event in flight.events:
            yield event
        self._book(call, saved, began, found.place)
        yield answer.completed()

    def _refresh(self, call: Call, key: StoreKey) -> AsyncGenerator[Event, None]:
        return self._pay(call, key, key, self._flight())

    async def _pay(self, call: Call, key: StoreKey, place: StoreKey, flight: Flight) -> AsyncGenerator[Event, None]:
        self._saw(call, "miss" if self._flights.get(place) is flight else "refresh")
        progress = call.progress
        lines = len(progress.lines)
        completed: Completed | None = None
        async with aclosing(self._inner.stream(call)) as events:
            async for event in events:
                if isinstance(event, Completed):
                    # Held back until the call has its usage line, which comes when its events are all taken.
                    completed = event
                    continue
                if isinstance(event, Restarted):
                    flight.void(event.reason)
                else:
                    flight.add(event)
                yield event
        if completed is None:
            return
        line = progress.lines[-1] if len(progress.lines) > lines else None
        tokens = line.tokens if line is not None else completed.usage or TokenCounts()
        saved = Saved(state="coalesced", tokens=tokens, nanos=None if line is None else line.cost_nanos)
        if flight.is_whole:
            self._answers.keep(key, call, flight.events, completed, saved)
        self._land(place, flight, Bought(completed, saved))
        yield completed

    def _flight(self) -> Flight:
        return Flight(self._new_signal, self._answers.rules.max_entry_bytes)

    def _land(self, place: StoreKey, flight: Flight, end: End) -> None:
        flight.close(end)
        if self._flights.get(place) is flight:
            del self._flights[place]

    def _book(self, call: Call, saved: Saved, began: float, outcome: CacheOutcome) -> None:
        line = book_saved(call, self.name, call.model, saved, began, self._clock.time())
        self._saw(call, outcome, line)

    def _saw(self, call: Call, outcome: CacheOutcome, line: UsageLine | None = None) -> None:
        self._observer.saw(CacheLooked(call.run_id, call.tenant, self.name, call.model, call.input_hash, outcome, line))
