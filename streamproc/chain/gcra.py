"""GCRA: so much a minute, and a burst. Pure; nothing in it but one point in time.

The generic cell rate algorithm (ITU-T I.371) is a bucket that leaks: what is taken fills it, it empties at the limit's
rate, and it holds the burst. What is given back leaves it at once, as providers count who correct an estimate when the
answer is there. So in no window is more taken, less what was given back in it, than the limit's part and the burst.

What was taken for nothing is another thing, for no provider counts it: it leaves the bucket only as far as it has not
flowed off, the oldest flowing first. So it is as if it had never been taken, and no window has what it left twice.
"""

from math import inf

from streamproc.chain.line import Taken

__all__ = ["Gcra", "empty_after"]

_NOTHING_SECONDS = 1e-6
"""A shorter wait is rounding: added to a time it might not change it, and whoever waits for it would ask for ever."""


def empty_after(empty_at: float, now: float, before: Taken, seconds_each: float) -> float:
    """When a bucket that is empty at a time will be, if others take so much of it before."""
    for amount, at in before:
        empty_at = max(empty_at, at, now) + amount * seconds_each
    return empty_at


class Gcra:
    """One limit. Times are monotonic seconds and never go back."""

    __slots__ = ("_burst", "_empty_at", "_seconds_each", "_seconds_left_early")

    def __init__(self, per_minute: float, burst: float) -> None:
        self._seconds_each = 60.0 / per_minute
        self._burst = burst
        self._empty_at = -inf  # when all that was taken will have flowed off
        self._seconds_left_early = 0.0  # of flow: all that left otherwise than by flowing off

    def __repr__(self) -> str:
        return f"Gcra({60 / self._seconds_each:g} a minute, burst {self._burst:g}, empty at {self._empty_at:.3f})"

    def wait_seconds(self, amount: float, now: float, before: Taken = ()) -> float:
        """How long until so much may be taken; 0 is now. What is larger than the burst waits for the empty bucket.

        It leaves room for what others take who stand before it.
        """
        room = (self._burst - min(amount, self._burst)) * self._seconds_each
        empty_at = empty_after(self._empty_at, now, before, self._seconds_each) if before else self._empty_at
        wait = empty_at - now - room
        return wait if wait > _NOTHING_SECONDS else 0.0

    def level(self, now: float) -> float:
        """How much of what was taken has not flowed off yet."""
        return max(0.0, self._empty_at - now) / self._seconds_each

    def is_empty(self, now: float) -> bool:
        """Whether the whole burst may be taken."""
        return self._empty_at <= now

    def take(self, amount: float, now: float) -> float:
        """Takes, whether there is room or not. The answer is for `cancel`."""
        self._empty_at = max(self._empty_at, now) + amount * self._seconds_each
        return self._empty_at + self._seconds_left_early

    def give_back(self, amount: float) -> None:
        """Corrects an estimate that was too high by so much."""
        self._empty_at -= amount * self._seconds_each
        self._seconds_left_early += amount * self._seconds_each

    def cancel(self, amount: float, mark: float, now: float) -> None:
        """What was taken with this mark was not used: what of it has not flowed off leaves.

        Whatever left early since then counts as if it had stood before it: so it is never more.
        """
        flows_off_in = mark - self._seconds_left_early - now
        self.give_back(min(amount, max(0.0, flows_off_in) / self._seconds_each))
