"""Retrying: tries a transient failure again, with full jitter and within the run's deadline.

Before the first token a retry is silent. After it, the next try is a visible new attempt: `Restarted` tells
everybody who saw the lost one. A run may lose only so many attempts that may have been billed, whether they showed a
token or not: a timeout behind which the provider goes on working costs as much as a cut. And all runs of a process
together may retry only so much, or an outage would be answered with more calls than usual.
"""

from collections.abc import AsyncGenerator, Callable

from streamproc.chain.call import Call, Progress
from streamproc.chain.clock import Clock
from streamproc.chain.provider import Event, Provider, Restarted
from streamproc.chain.retry_budget import RetryBudget
from streamproc.chain.retry_rules import Failed, RetryPolicy, Stop, decide
from streamproc.errors import AnswerCut, RetryBudgetSpent, Transient
from streamproc.money.dollars import usd
from streamproc.observe.events import Observer, RetryPlanned, RetryRefused

__all__ = ["Retrying"]


class Retrying:
    """A provider that tries its inner provider several times."""

    def __init__(
        self,
        inner: Provider,
        policy: RetryPolicy,
        budget: RetryBudget,
        clock: Clock,
        random: Callable[[], float],
        observer: Observer,
    ) -> None:
        """`budget` is shared by the whole process."""
        self._inner = inner
        self._policy = policy
        self._budget = budget
        self._clock = clock
        self._random = random
        self._observer = observer
        self.name = inner.name

    async def stream(self, call: Call) -> AsyncGenerator[Event, None]:
        """The inner provider's events, with `Restarted` before those of a try that follows a visible one.

        Raises:
            Transient: the last failure, when no further try in a row is allowed.
            RetryBudgetSpent: the run lost too many attempts that may have been billed, or too much money with them.
            AnswerCut: the answer broke off after its first token, and the settings want no new attempt.
        """
        begun = self._clock.monotonic()
        is_first = not call.progress.calls
        if not is_first:
            self._budget.charge(begun)
        tries = 0
        while True:
            tries += 1
            seen = False
            try:
                events = self._inner.stream(call)
                try:
                    async for event in events:
                        seen = True
                        yield event
                finally:
                    await events.aclose()  # as `aclosing` does, without its two coroutines for each call
                self._earn(is_first=is_first)
                return
            except Transient as error:
                failure = error
            is_first = self._earn(is_first=is_first)
            if seen and not self._policy.restarts:
                raise AnswerCut(
                    f"the answer broke off after its first token (retry.restarts is off): {failure}"
                ) from failure
            if seen or failure.may_have_cost:
                call.progress.lost_attempts += 1
                self._check_lost(call.progress, failure)
            wait = self._wait_before_next(call, failure, tries, begun)
            if seen:
                # Told also when this layer gives up: whoever tries next must not go on where the lost attempt ended.
                yield Restarted(call.progress.restart(), failure.code)
            if wait is None:
                raise failure
            self._observer.saw(RetryPlanned(call.run_id, failure.provider, failure.code, wait, restart=seen))
            await self._clock.sleep(wait)

    def _earn(self, *, is_first: bool) -> bool:
        """A run's first call earns, once it was made: one that nobody let begin (`NotNow`) is no request yet."""
        if is_first:
            self._budget.earn()
        return False

    def _wait_before_next(self, call: Call, failure: Transient, tries: int, begun: float) -> float | None:
        now = self._clock.monotonic()
        left = call.deadline - self._clock.time()
        verdict = decide(Failed(failure, tries, now - begun, left, self._random()), self._policy)
        if isinstance(verdict, Stop):
            reason: str = verdict.reason
        elif self._budget.take(now):
            return verdict.wait_seconds
        else:
            reason = "process"
        self._observer.saw(RetryRefused(call.run_id, failure.provider, failure.code, reason))
        return None

    def _check_lost(self, progress: Progress, failure: Transient) -> None:
        policy = self._policy
        if progress.lost_attempts > policy.max_lost_attempts:
            raise RetryBudgetSpent(
                f"{progress.lost_attempts} attempts were lost that may have been billed"
                f" (retry.max_lost_attempts is {policy.max_lost_attempts}); the last: {failure}"
            ) from failure
        if policy.max_lost_nanos is not None and progress.spent_nanos > policy.max_lost_nanos:
            raise RetryBudgetSpent(
                f"lost attempts may have cost {usd(progress.spent_nanos)}"
                f" (retry.max_lost_usd is {usd(policy.max_lost_nanos)}); the last: {failure}"
            ) from failure
