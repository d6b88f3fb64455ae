"""A run that goes through a processor and the real chain in front of a scripted provider, and what comes of it."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from streamproc.chain.breaker import BreakerRules
from streamproc.chain.budget import NoBudget
from streamproc.chain.permit import Ask, Permit
from streamproc.chain.run import Run, Terminal
from streamproc.chain.standing import Standing
from streamproc.chains import Chains
from streamproc.errors import NotNow, ServerFault
from streamproc.kafka.publisher import Publisher
from streamproc.kafka.writer import Coalescing
from streamproc.providers.catalog import Catalog, Credential
from streamproc.providers.scripted import Scripted, Step, echo
from streamproc.records.codec import decode_chunk, decode_result
from streamproc.records.usage import UsageLine
from streamproc.settings.settings import Settings
from tests.fakes import NOW, FakeClock, MemoryProducer, Seen, eventually
from tests.unit.chain.accounts import counter
from tests.unit.test_processor import incoming, processor

__all__ = ["Counts", "Ended", "Fate", "Rig"]

Counts = Literal["success", "failure", "opens", "nothing"]

PRICE = {"input_usd": 1, "output_usd": 2}


@dataclass(frozen=True)
class Fate:
    """A row of the fate table, and what its cells come to.

    Attributes:
        row: its first cell.
        steps: what the provider does at each call.
        calls: how often it is asked by a run that has no other one.
        falls_back: whether a second model of a route is asked.
        breaker: what the outcome is to it; one that opens it needs no second one.
        status: of the result; None: the run waits.
        usage: usage records that it leaves at once.
        expired_usage: usage records that it leaves at its deadline, if it waits until then.
        attempts: of which chunks are published; None: one where there is a token.
        letters: dead letters.
        has_token: whether the provider gives one before its outcome.
        is_spare: the answer is none of a model.
        is_held: the breaker is open before it comes.
        holds: why the budget holds the call.
        cut: by what the call is cut.
        fields: of the request, over the usual ones.
        retry: settings, over the usual ones.
    """

    row: str
    steps: tuple[Step, ...] = ()
    calls: int = 1
    falls_back: bool = False
    breaker: Counts = "nothing"
    status: str | None = "completed"
    usage: int = 0
    expired_usage: int = 0
    attempts: int | None = None
    letters: int = 0
    has_token: bool = False
    is_spare: bool = False
    is_held: bool = False
    holds: str | None = None
    cut: Literal["deadline", "cancel", "drain"] | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    retry: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """What a run left; `attempts` are those of its chunks."""

    is_committed: bool
    status: str | None
    is_degraded: bool
    usage: int
    letters: int
    attempts: set[int]


class Holds(NoBudget):
    """A budget that lets nothing through to the first provider at present."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence

    async def reserve(self, most: UsageLine) -> None:
        """As `Budget`."""
        if most.provider == "p":
            raise NotNow(self._sentence, code="budget_held")


class Rig:
    """Providers p, which does what the fate says, and q, which answers; the route r is for both, `only` for p."""

    def __init__(self, fate: Fate, min_calls: int = 10) -> None:
        providers = {
            "p": {
                "kind": "scripted",
                "models": ["m"],
                "prices": {"m": PRICE},
                "facts": {"m": {"context_tokens": 5000}},
            },
            "q": {
                "kind": "scripted",
                "models": ["n"],
                "prices": {"n": PRICE},
                "facts": {"n": {"context_tokens": 9000}},
            },
        }
        routes = {
            "r": {"variants": {"v": {"use": ["p/m", "q/n"]}}},
            "only": {"variants": {"v": {"use": ["p/m"]}}, "degraded_text": "later"},
        }
        settings = Settings.model_validate(
            {"providers": providers, "routes": routes, "retry": fate.retry, "breaker": {"min_calls": min_calls}}
        )
        self._fate = fate
        self._clock = FakeClock()
        self.p, self.q = Scripted("p", lambda _: fate.steps, asyncio.sleep), Scripted("q", echo(), asyncio.sleep)
        catalog = Catalog(settings.providers, now=self._clock.time)
        catalog.credentials = {"p": [Credential("main", self.p)], "q": [Credential("main", self.q)]}
        budget = None if fate.holds is None else Holds(fate.holds)
        self._chains = Chains(settings, catalog, self._clock, Seen(), counter(), budget)
        self._producer = MemoryProducer()
        self._publisher = Publisher(
            self._producer, "llm.chunks", self._clock, coalescing=Coalescing(False, 0.0, 1), max_buffered_bytes=10**6
        )
        self._works = processor(self._chains.leave.plan, self._publisher)
        self._run: Run | None = None
        if fate.is_held:
            self._fail()

    @property
    def breaker(self) -> str:
        """How p stands: `probing` when the next call may find out whether it is back."""
        (standing,) = self._chains._admissions["p"].standings() or [Standing("main", "m", BreakerRules())]
        own = standing.breaker
        return (
            "probing"
            if own.state.value == "open" and not own.wait_seconds(self._clock.monotonic())
            else own.state.value
        )

    def _permit(self) -> Permit:
        permit = self._chains._admissions["p"].admit(Ask("m", "own", 1))
        assert isinstance(permit, Permit)
        return permit

    def _fail(self) -> None:
        while self.breaker != "open":
            permit = self._permit()
            permit.began()
            permit.ended(ServerFault("x", provider="p"), None, is_complete=False)

    def become_probing(self) -> None:
        """It was away, and the next call will show whether it is back."""
        self._fail()
        self._clock.now += 2
        assert self.breaker == "probing"

    async def live(self, model: str) -> Ended:
        """A request to this model, as far as it goes."""
        accepted = self._works.accept(incoming(**{"model": model, **self._fate.fields}))
        terminal = accepted if isinstance(accepted, Terminal) else await self._process(accepted)
        await eventually(lambda: not self._publisher.buffered_bytes)
        await self._publisher.stop()
        topics = Counter(record.topic for record in terminal.records) if terminal is not None else Counter()
        found = [decode_result(r.value or b"") for r in terminal.records if r.topic == "results"] if terminal else []
        chunks = [decode_chunk(value or b"") for batch in self._producer.stored.values() for _, value, _ in batch]
        return Ended(
            is_committed=bool(found),
            status=found[0].status if found else None,
            is_degraded=bool(found and found[0].degraded),
            usage=topics["usage"],
            letters=topics["dead"],
            attempts={chunk.attempt for chunk in chunks if chunk.text},
        )

    async def _process(self, run: Run) -> Terminal | None:
        self._run = run
        if self._fate.cut == "deadline":
            run.deadline = NOW + 0.05
        task = asyncio.create_task(self._works.process(run))
        if self._fate.cut in ("cancel", "drain"):
            await eventually(lambda: self.p.running == 1)
            task.cancel()
            await asyncio.wait([task])
            return self._works.cancel(run) if self._fate.cut == "cancel" else Terminal(self._works.abandon(run))
        try:
            return await task
        except NotNow:
            return None
        finally:
            run.progress.give_back()

    def expired(self) -> tuple[str, int]:
        """What the run that waits leaves at its deadline: its result's status, and how many usage records."""
        assert self._run is not None
        result, *lines = self._works.expire(self._run).records
        return decode_result(result.value or b"").status, len(lines)
