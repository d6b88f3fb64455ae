"""Retrying: tries a transient failure again, with full jitter and within the run's deadline.

Before the first token a retry is silent. After it, the next try is a visible new attempt: `Restarted` tells
everybody who saw the lost one. A run may lose only so many attempts that may have been billed, whether they showed a
token or not: a timeout behind which the provider goes on working costs as much as a cut.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from streamproc.chain.call import Call
from streamproc.chain.clock import Clock
from streamproc.chain.provider import Event, Provider, Restarted
from streamproc.errors import RetryBudgetSpent, Transient
from streamproc.observe.events import Observer, RetryPlanned

__all__ = ["RetryPolicy", "Retrying", "wait_seconds"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`attempts` tries in a row; waits are spread over 0 to `base_seconds`, doubling up to `cap_seconds`."""

    attempts: int
    base_seconds: float
    cap_seconds: float
    max_lost_attempts: int


def wait_seconds(tries: int, base: float, cap: float, hint: float | None, random: Callable[[], float]) -> float:
    """Full jitter over an exponentially growing bound, never shorter than the provider's own hint.

    `tries` counts the failures so far, from 1; `random` gives a number in [0, 1).
    Source of full jitter: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/.
    """
    spread = random() * min(cap, base * 2.0 ** (min(tries, 32) - 1))
    return spread if hint is None else max(spread, hint)


class Retrying:
    """A provider that tries its inner provider several times."""

    def __init__(
        self, inner: Provider, policy: RetryPolicy, clock: Clock, random: Callable[[], float], observer: Observer
    ) -> None:
        self._inner = inner
        self._policy = policy
        self._clock = clock
        self._random = random
        self._observer = observer
        self.name = inner.name

    async def stream(self, call: Call) -> AsyncGenerator[Event, None]:
        """The inner provider's events, with `Restarted` before those of a try that follows a visible one.

        Raises:
            Transient: the last failure, when the tries in a row are used up or the hint asks for a long wait.
            RetryBudgetSpent: too many attempts were lost that may have been billed.
        """
        policy = self._policy
        tries = 0
        while True:
            tries += 1
            seen = False
            try:
                async with aclosing(self._inner.stream(call)) as events:
                    async for event in events:
                        seen = True
                        yield event
                return
            except Transient as error:
                failure = error
            if seen or failure.may_have_cost:
                call.progress.lost_attempts += 1
                if call.progress.lost_attempts > policy.max_lost_attempts:
                    raise RetryBudgetSpent(
                        f"{call.progress.lost_attempts} attempts were lost that may have been billed"
                        f" (retry.max_lost_attempts is {policy.max_lost_attempts}); the last: {failure}"
                    ) from failure
            hint = failure.retry_after_seconds
            wait = wait_seconds(tries, policy.base_seconds, policy.cap_seconds, hint, self._random)
            gives_up = tries >= policy.attempts or wait > policy.cap_seconds
            if not gives_up:
                gives_up = self._clock.time() + wait >= call.deadline
            if seen:
                # Told also when this layer gives up: whoever tries next must not go on where the lost attempt ended.
                yield Restarted(call.progress.restart(), failure.code)
            if gives_up:
                raise failure
            self._observer.saw(RetryPlanned(call.run_id, failure.provider, failure.code, wait, restart=seen))
            await self._clock.sleep(wait)
