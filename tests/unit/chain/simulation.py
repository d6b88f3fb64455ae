"""A day of a worker in seconds: many runs, two credentials, a provider with bad hours. Seeded; time is a number.

The rules are the product's own: admission with its breakers and limits, the decision on a retry, the process's budget.
What is simulated is who calls when, and what the provider answers. At every step the books are kept apart from the
product's, and checked against what it promises.
"""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from random import Random

from streamproc.chain.admission import Admission
from streamproc.chain.breaker import BreakerRules
from streamproc.chain.permit import Ask, NotBefore, Permit
from streamproc.chain.retry_budget import RetryBudget
from streamproc.chain.retry_rules import Again, Failed, RetryPolicy, WaitRules, decide
from streamproc.chain.tenants import Tenants
from streamproc.errors import Disconnected, Overloaded, ProviderError, RateLimited, Transient
from streamproc.observe.events import BreakerChanged
from tests.fakes import Seen
from tests.unit.chain.books import PER_SECOND, RATIO, RULES, TENANT, TENANTS, Books

__all__ = ["Clock", "Simulation"]

POLICY = RetryPolicy(attempts=3, base_seconds=0.5, cap_seconds=20, max_lost_attempts=99, max_seconds=60)
WAITS = WaitRules(1, 30, 300)
DEADLINE_SECONDS = 600.0


@dataclass
class Run:
    """One request on its way."""

    deadline: float
    tokens: int
    tenant: str
    calls: int = 0
    waits: int = 0
    tries: int = 0
    slot_since: float = 0.0


class Clock:
    """The time of the simulation."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody sleeps here")


class Simulation:
    """`requests` come at `per_second`; the provider is away for 20 s in each 200 s, and refuses above 50 calls."""

    def __init__(self, seed: int, requests: int, per_second: float) -> None:
        self._random = Random(seed)
        self.clock, self.books, self.seen = Clock(), Books(), Seen()
        self.admission = Admission("p", RULES, Tenants({"*": TENANT}), BreakerRules(), self.clock, self.seen)
        self._budget = RetryBudget(RATIO, PER_SECOND, 0.0)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._queue: deque[Run] = deque()
        self._asks_at = -1.0
        self._left, self._per_second = requests, per_second
        self._at(0.0, self._arrive)

    def _at(self, seconds: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.clock.now + seconds, next(self._order), what))

    def run(self) -> Books:
        """To its end: no request waits, no call runs."""
        while self._events:
            self.clock.now, _, what = heapq.heappop(self._events)
            what()
        return self.books

    @property
    def is_away(self) -> bool:
        """Whether the provider answers 503 to all."""
        return 100 <= self.clock.now % 200 < 120

    def _arrive(self) -> None:
        deadline, tokens = self.clock.now + DEADLINE_SECONDS, self._random.randint(50, 2000)
        self._queue.append(Run(deadline, tokens, self._random.choice(TENANTS)))
        self._dispatch()
        self._left -= 1
        if self._left:
            self._at(self._random.expovariate(self._per_second), self._arrive)

    def _dispatch(self) -> None:
        while self._queue:
            if self._queue[0].deadline <= self.clock.now:
                self._queue.popleft()
                self.books.expired += 1
                continue
            permit = self.admission.admit(Ask("m", self._queue[0].tenant, self._queue[0].tokens, "m"))
            if isinstance(permit, NotBefore) and permit.is_tenant:
                self.books.tenant_holds += 1
                self._at(permit.seconds, self._returning(self._queue.popleft()))
                continue
            if isinstance(permit, NotBefore):
                if self._asks_at <= self.clock.now:
                    self._asks_at = self.clock.now + permit.seconds
                    self._at(permit.seconds, self._dispatch)
                return
            run = self._queue.popleft()
            run.tries, run.slot_since = 0, self.clock.now
            if run.calls:
                self._budget.charge(self.clock.now)
            else:
                self._budget.earn()
                self.books.retries.add(-RATIO, self.clock.now)
            self._call(run, permit)

    def _call(self, run: Run, permit: Permit) -> None:
        books, name, now = self.books, permit.credential, self.clock.now
        is_probe = any(
            s.credential == name and s.breaker.state.value == "half_open" for s in self.admission.standings()
        )
        run.calls += 1
        run.tries += 1
        books.calls += 1
        books.calls_in_outages += self.is_away
        books.requests[name].add(1, now)
        books.tokens[name].add(run.tokens, now)
        books.tenants[run.tenant].add(1, now)
        for who in (name, run.tenant):
            books.running[who] += 1
            books.most_running[who] = max(books.most_running[who], books.running[who])
        if is_probe:
            books.probes[name] += 1
            books.all_probes += 1
            books.most_probes = max(books.most_probes, books.probes[name])
        permit.began()
        if self._random.random() < 0.01:
            self._at(self._random.uniform(0, 2), lambda: self._cut(run, permit, is_probe=is_probe))
        elif (error := self._refusal()) is not None:
            self._at(0.05, lambda: self._fail(run, permit, error, is_probe=is_probe))
        else:
            self._at(self._random.uniform(0.05, 0.5), permit.answered)
            self._at(self._random.uniform(0.5, 1.5), lambda: self._complete(run, permit, is_probe=is_probe))

    def _refusal(self) -> Transient | None:
        if self.is_away:
            return Overloaded("503", provider="p", status_code=503)
        if sum(self.books.running[name] for name in RULES) > 50:
            return RateLimited(
                "429", provider="p", status_code=429, retry_after_seconds=self._random.choice((None, 1.0))
            )
        return Disconnected("cut", provider="p") if self._random.random() < 0.03 else None

    def _over(self, run: Run, permit: Permit, *, is_probe: bool, used: int) -> None:
        self.books.running[permit.credential] -= 1
        self.books.running[run.tenant] -= 1
        self.books.probes[permit.credential] -= is_probe
        self.books.tokens[permit.credential].add(used - run.tokens, self.clock.now)

    def _complete(self, run: Run, permit: Permit, *, is_probe: bool) -> None:
        # The permit settles by a usage line; without one what was let in stays used.
        self._over(run, permit, is_probe=is_probe, used=0)
        permit.ended(None, None, is_complete=True)
        self.books.completed += 1
        self._dispatch()

    def _cut(self, run: Run, permit: Permit, *, is_probe: bool) -> None:
        self._over(run, permit, is_probe=is_probe, used=run.tokens)
        permit.release()
        self.books.cancelled += 1
        self._dispatch()

    def _fail(self, run: Run, permit: Permit, error: Transient, *, is_probe: bool) -> None:
        self._over(run, permit, is_probe=is_probe, used=0)
        permit.ended(error, None, is_complete=False)
        now, left = self.clock.now, run.deadline - self.clock.now
        verdict = decide(Failed(error, run.tries, now - run.slot_since, left, self._random.random()), POLICY)
        if isinstance(verdict, Again) and self._budget.take(now):
            self.books.retried += 1
            self.books.retries.add(1, now)
            self._at(verdict.wait_seconds, lambda: self._again(run, error))
        else:
            self._wait(run, error)
        self._dispatch()

    def _again(self, run: Run, error: ProviderError) -> None:
        permit = self.admission.admit(Ask("m", run.tenant, run.tokens))
        if isinstance(permit, NotBefore):
            self._wait(run, error, permit.seconds)
        else:
            self._call(run, permit)

    def _wait(self, run: Run, error: ProviderError, hint: float | None = None) -> None:
        run.waits += 1
        seconds = WAITS.seconds(run.waits, hint or error.retry_after_seconds, self._random.random)

        self._at(seconds, self._returning(run))

    def _returning(self, run: Run) -> Callable[[], None]:
        def back() -> None:
            self._queue.append(run)
            self._dispatch()

        return back

    def opened(self) -> int:
        """How often a breaker opened."""
        return sum(change.state == "open" for change in self.seen.of(BreakerChanged))
