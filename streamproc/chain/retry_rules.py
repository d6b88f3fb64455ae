"""The rules of retrying: whether a failed call is tried again in its slot, and after how long. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Literal, NamedTuple

from streamproc.errors import Transient

__all__ = ["Again", "Failed", "RetryPolicy", "Stop", "WaitRules", "decide", "wait_seconds"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The retry budget of one run, and its waits.

    Attributes:
        attempts: tries in a row; then the run gives its slot back and waits.
        base_seconds: waits are spread over 0 to this, doubling.
        cap_seconds: no wait in a slot is longer.
        max_lost_attempts: calls of the whole run that may have been billed and gave no answer.
        max_seconds: tries in a row, from the first one's start to the next one's, take no longer.
        max_lost_nanos: what the lost calls of the whole run may have cost, as far as prices are known; None: no bound.
        restarts: whether an answer that broke off after its first token is asked for anew.
    """

    attempts: int
    base_seconds: float
    cap_seconds: float
    max_lost_attempts: int
    max_seconds: float = inf
    max_lost_nanos: int | None = None
    restarts: bool = True


class Failed(NamedTuple):
    """A failure, and what was used up when it came.

    `tries` in this row, from 1, over `seconds`; `left_seconds` until the deadline; `drawn` is a number in [0, 1).
    """

    error: Transient
    tries: int
    seconds: float
    left_seconds: float
    drawn: float


class Again(NamedTuple):
    """Try again after so many seconds."""

    wait_seconds: float


class Stop(NamedTuple):
    """Make no further try in this row."""

    reason: Literal["told_not_to", "attempts", "seconds", "hint", "deadline"]


def wait_seconds(tries: int, base: float, cap: float, hint: float | None, random: Callable[[], float]) -> float:
    """Full jitter over an exponentially growing bound, never shorter than the provider's own hint.

    `tries` counts the failures so far, from 1; `random` gives a number in [0, 1).
    Source of full jitter: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/.
    """
    spread = random() * min(cap, base * 2.0 ** (min(tries, 32) - 1))
    return spread if hint is None else max(spread, hint)


class WaitRules(NamedTuple):
    """Waits of a run that gave its slot back, in seconds. A longer hint than `max_hint_seconds` counts as that."""

    base_seconds: float
    cap_seconds: float
    max_hint_seconds: float

    def seconds(self, waits: int, hint: float | None, random: Callable[[], float]) -> float:
        """The wait after so many waits, this one included."""
        bounded = None if hint is None else min(hint, self.max_hint_seconds)
        return wait_seconds(waits, self.base_seconds, self.cap_seconds, bounded, random)


def decide(failed: Failed, policy: RetryPolicy) -> Again | Stop:
    """What follows on a failure. The first rule that forbids a try is told.

    - told_not_to: the provider says that the same call will fail again (`x-should-retry: false`)
    - attempts: they are used up
    - hint: the provider asks for a longer wait than a slot is held for
    - seconds: the wait would pass the time for tries in a row
    - deadline: nobody would wait for the next try
    """
    error = failed.error
    if error.should_retry is False:
        return Stop("told_not_to")
    if failed.tries >= policy.attempts:
        return Stop("attempts")
    hint = error.retry_after_seconds
    wait = wait_seconds(failed.tries, policy.base_seconds, policy.cap_seconds, hint, lambda: failed.drawn)
    if wait > policy.cap_seconds:
        return Stop("hint")
    if failed.seconds + wait > policy.max_seconds:
        return Stop("seconds")
    if wait >= failed.left_seconds:
        return Stop("deadline")
    return Again(wait)
