"""GCRA: so much a minute, and a burst. Pure; nothing in it but one point in time.

The generic cell rate algorithm (ITU-T I.371) is a bucket that leaks: what is taken fills it, it empties at the limit's
rate, and it holds the burst. What is given back leaves it at once, as providers count who correct an estimate when the
answer is there. So in no window is more taken, less what was given back in it, than the limit's part and the burst.
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

    __slots__ = ("_burst", "_empty_at", "_seconds_each")

    def __init__(self, per_minute: float, burst: float) -> None:
        self._seconds_each = 60.0 / per_minute
        self._burst = burst
        self._empty_at = -inf  # when all that was taken will have flowed off

    def __repr__(self) -> str:
        return f"Gcra({60 / self._seconds_each:g} a minute, burst {self._burst:g}, empty at {self._empty_at:.3f})"

    def wait_seconds(self, amount: float, now: float, before: Taken = ()) -> float:
        """How long until so much may be taken; 0 is now. What is larger than the burst waits for the empty bucket.

        It leaves room for what others take who stand before it.
        """
        room = (self._burst - min(amount, self._burst)) * self._seconds_each
        wait = empty_after(self._empty_at, now, before, self._seconds_each) - now - room
        return wait if wait > _NOTHING_SECONDS else 0.0

    def level(self, now: float) -> float:
        """How much of what was taken has not flowed off yet."""
        return max(0.0, self._empty_at - now) / self._seconds_each

    def is_empty(self, now: float) -> bool:
        """Whether the whole burst may be taken."""
        return self._empty_at <= now

    def take(self, amount: float, now: float) -> None:
        """Takes, whether there is room or not."""
        self._empty_at = max(self._empty_at, now) + amount * self._seconds_each

    def give_back(self, amount: float) -> None:
        """Corrects an estimate; a negative amount takes what it was too low by."""
        self._empty_at -= amount * self._seconds_each
