"""The retry budget of a process: so many tries more than requests, whatever fails. Pure.

A provider that is down gets one call for each request, and not as many as a run may try: an outage is not amplified.
Source of the rule: https://sre.google/sre-book/handling-overload/ (per-client retry budget).
"""

__all__ = ["RetryBudget"]

_ONE = 1.0 - 1e-9  # ten tenths are a little less than one


class RetryBudget:
    """A bucket of tries: each first call adds `ratio` of one, each second adds `per_second`; it holds `burst`.

    So in any stretch of time there are no more retries than ratio × first calls + per_second × seconds + burst.
    """

    __slots__ = ("_at", "_burst", "_left", "_per_second", "_ratio")

    def __init__(self, ratio: float, per_second: float, now: float) -> None:
        """`now` is monotonic seconds, as in all methods."""
        self._ratio = ratio
        self._per_second = per_second
        self._burst = max(1.0, 10 * per_second)
        self._left = self._burst
        self._at = now

    def __repr__(self) -> str:
        return f"RetryBudget({self._left:.2f} of {self._burst:g} left)"

    def earn(self) -> None:
        """A run makes its first call."""
        self._left += self._ratio  # bounded when it is looked at

    def take(self, now: float) -> bool:
        """Whether one more try may be made; it is counted then."""
        self._refill(now)
        if self._left < _ONE:
            return False
        self._left -= 1.0
        return True

    def charge(self, now: float) -> None:
        """A run that had waited calls again. That is not refused, but tries in a row have to stand back for it."""
        self._refill(now)
        self._left = max(self._left - 1.0, -self._burst)

    def _refill(self, now: float) -> None:
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
