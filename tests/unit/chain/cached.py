"""A provider under `Cached` whose events come one by one from the test, and runs that read it at the same time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from streamproc.chain.answers import Answers
from streamproc.chain.cache import Cached, Flights
from streamproc.chain.cache_rules import CacheRules
from streamproc.chain.call import Call, Progress
from streamproc.chain.provider import Completed, Event, Text
from streamproc.observe.cache_events import CacheLooked
from streamproc.records.input_hash import input_hash
from streamproc.records.usage import TokenCounts, UsageLine
from streamproc.stores.memory import MemoryStore
from streamproc.stores.store import Store
from tests.fakes import FakeClock, Seen, a_call, a_request, eventually
from tests.lines import a_line

__all__ = ["DONE", "RULES", "Faucet", "Reader", "Rig"]

DONE = Completed(TokenCounts(input=3, output=2), "stop", "m-1", "default")
RULES = CacheRules(ttl_seconds=60, max_ttl_seconds=600, max_entry_bytes=100_000, compress_above_bytes=1000)


class Faucet:
    """A provider whose calls give what the test puts into them; each complete one leaves a line that cost 7,000."""

    name = "p"

    def __init__(self) -> None:
        self.calls: list[asyncio.Queue[Event | Exception]] = []
        self.running = 0

    async def stream(self, call: Call) -> AsyncGenerator[Event, None]:
        """Follows one queue."""
        queue: asyncio.Queue[Event | Exception] = asyncio.Queue()
        self.calls.append(queue)
        self.running += 1
        call.progress.calls += 1
        try:
            while True:
                event = await queue.get()
                if isinstance(event, Exception):
                    raise event
                yield event
                if isinstance(event, Completed):
                    tokens = event.usage or TokenCounts()
                    call.progress.lines.append(a_line(call.usage_id, cost_nanos=7000, tokens=tokens))
                    return
        finally:
            self.running -= 1

    def give(self, *events: Event | Exception, call: int = -1) -> None:
        """Puts events into a call, the last one unless it is said."""
        for event in events:
            self.calls[call].put_nowait(event)


class Reader:
    """A run that reads its events in a task of its own."""

    def __init__(self, provider: Cached, call: Call) -> None:
        self.call = call
        self.events: list[Event] = []
        self.task = asyncio.create_task(self._read(provider))

    async def _read(self, provider: Cached) -> None:
        async with aclosing(provider.stream(self.call)) as events:
            async for event in events:
                self.events.append(event)

    @property
    def text(self) -> str:
        """The text since the last restart."""
        found = ""
        for event in self.events:
            if not isinstance(event, Completed):
                found = found + event.text if isinstance(event, Text) else ""
        return found

    @property
    def line(self) -> UsageLine:
        """The last usage line of the run."""
        return self.call.progress.lines[-1]

    async def has(self, count: int) -> None:
        """Waits for so many events."""
        await eventually(lambda: len(self.events) >= count)

    async def cancel(self) -> None:
        """As the sender does."""
        self.task.cancel()
        await asyncio.wait([self.task])


class Rig:
    """Runs with numbers of their own, under one cache."""

    def __init__(self, rules: CacheRules = RULES, store: Store | None = None) -> None:
        self.clock = FakeClock()
        self.seen = Seen()
        self.faucet = Faucet()
        self.flights: Flights = {}
        self.memory = MemoryStore(10**6, self.clock.monotonic)
        self.answers = Answers(store or self.memory, rules, self.clock, self.seen)
        self.cached = Cached(self.faucet, self.answers, self.flights, asyncio.Event, self.clock, self.seen)
        self.runs = 0

    def call(self, *, model: str = "m", max_output_tokens: int = 100, **fields: Any) -> Call:
        """A call of a new run; the fields are the request's, or one is a `request`."""
        self.runs += 1
        request = fields.pop("request", None) or a_request(**fields)
        return a_call(
            request, run_id=f"llm.requests/0/{self.runs}@1", model=model, max_output_tokens=max_output_tokens,
            input_hash=input_hash(request), progress=Progress(attempt=1000 * self.runs),
        )  # fmt: skip

    def read(self, **fields: Any) -> Reader:
        """A new run that reads."""
        return Reader(self.cached, self.call(**fields))

    async def buy(self, *events: Event, **fields: Any) -> Reader:
        """A run that has bought this answer."""
        calls = len(self.faucet.calls)
        reader = self.read(**fields)
        await eventually(lambda: len(self.faucet.calls) > calls)
        self.faucet.give(*(events or (Text("a"), Text("b"), DONE)))
        await reader.task
        return reader

    async def hit(self, **fields: Any) -> Reader | None:
        """A run that has been answered without a call; None when it makes one, and then it is cancelled."""
        calls = len(self.faucet.calls)
        reader = self.read(**fields)
        await eventually(lambda: reader.task.done() or len(self.faucet.calls) > calls)
        if len(self.faucet.calls) > calls:
            await reader.cancel()
            return None
        await reader.task
        return reader

    @property
    def outcomes(self) -> list[str]:
        """What the cache was asked and said, in order."""
        return [looked.outcome for looked in self.seen.of(CacheLooked)]
