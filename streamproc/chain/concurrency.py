"""Concurrency: how many calls may run at a time. Pure.

Beside a stated most there is one that is learned: a provider that says "too many" halves it, each answer lets it grow
by one part of itself (additive increase, multiplicative decrease, as TCP avoids congestion: RFC 5681).
"""

from math import inf

__all__ = ["Concurrency"]

_DECREASE = 0.5


class Concurrency:
    """How many calls may run. `most` None is no stated bound; whoever lets calls in and out keeps `running`."""

    __slots__ = ("_allowed", "_most", "_slowed_at", "running")

    def __init__(self, most: int | None = None) -> None:
        self._most = inf if most is None else float(most)
        self._allowed = self._most
        self._slowed_at = -inf
        self.running = 0

    def __repr__(self) -> str:
        return f"Concurrency({self.running} of {self._allowed:.2f})"

    @property
    def allowed(self) -> float:
        """How many may run; infinite where nothing is known."""
        return self._allowed

    def is_full(self, before: int = 0) -> bool:
        """Whether no further call may begin, beside so many that go first."""
        return self.running + before + 1 > self._allowed

    def slow_down(self, begun: float, now: float) -> None:
        """A call that began then was refused because there are too many.

        Calls that began before the last decrease say nothing new: together they count as one.
        """
        if begun >= self._slowed_at:
            self._allowed = max(1.0, min(self._allowed, self.running) * _DECREASE)
            self._slowed_at = now

    def speed_up(self) -> None:
        """A call was answered. What is not used up is not raised either: that would prove nothing."""
        if self._allowed < self._most and 2 * self.running >= self._allowed:
            self._allowed = min(self._most, self._allowed + 1 / self._allowed)
