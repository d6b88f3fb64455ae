"""The stock: what was leased of one limit and not yet spent. Pure.

How much is fetched ahead learns from what is used: twice as much whenever the stock ran dry, half as much whenever some
of it lay unused for its life. That goes back.

A lease is counted when it is given, and used a little later: a window may have, beside what was given in it, what was
given up to one life before. So the store gives no more at once than the burst less the limit's part of one life.

What goes back unused was given a life before: where it has flowed off in the store meanwhile, it is there twice. So
beside processes whose calls come and go a window may have a tenth of the burst more (simulated; no bound is proven).
"""

from collections import deque

__all__ = ["Stock", "lent_at_once", "life_seconds"]

_LIFE_SECONDS = 0.1
"""A lease that is older is not spent any more; where the burst is used in less than twice that, half of it."""

_LEAST_LIFE_SECONDS = 0.02
"""Of a lease that comes late."""

_MOST_CALLS_AHEAD = 1024.0

_PATIENCE_SECONDS = 0.01
"""In so long an order has mostly been answered."""


def life_seconds(per_minute: float, burst: float) -> float:
    """How long a lease of such a limit may be spent."""
    return min(_LIFE_SECONDS, burst * 60 / per_minute / 2)


def lent_at_once(per_minute: float, burst: float) -> float:
    """The burst of the store, so that with the lives of leases no window has more than the limit's."""
    return burst - per_minute / 60 * life_seconds(per_minute, burst)


class Stock:
    """Of one limit in one process: lots, the oldest first. Times are monotonic seconds."""

    __slots__ = ("_ahead", "_back", "_have", "_life", "_lots", "_most_ahead", "_next_at", "_ordered_at", "_short")

    def __init__(self, per_minute: float, burst: float) -> None:
        self._life = life_seconds(per_minute, burst)
        self._most_ahead = per_minute / 60 * self._life
        self._ahead = 1.0  # calls
        self._lots: deque[tuple[float, float]] = deque()  # amounts, each with when it was leased
        self._have = self._back = self._short = 0.0
        self._next_at = self._ordered_at = 0.0

    def __repr__(self) -> str:
        return f"Stock({self._have:g}, back={self._back:g}, short={self._short:g})"

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to tell or to fetch."""
        return not self._lots and not self._back and not self._short

    def wait_seconds(self, amount: float, now: float, before: float = 0.0) -> float:
        """0 if so much is there; else how long to wait before asking again. What is missing is ordered.

        With so much `before` it, which others take first, it orders only where they have what they need.
        """
        self._expire(now)
        if self._have >= before + amount:
            return 0.0
        if not self._short:
            self._ahead = min(2 * self._ahead, _MOST_CALLS_AHEAD)
        if not before or not self._short:
            self._short = before + amount
        return max(self._next_at - now, 0.0) + _PATIENCE_SECONDS

    def take(self, amount: float) -> None:
        """Spends, the oldest first; also what is not there."""
        while amount > 0.0 and self._lots:
            lot, leased_at = self._lots.popleft()
            used = min(lot, amount)
            amount -= used
            self._have -= used
            if used < lot:
                self._lots.appendleft((lot - used, leased_at))
        self._back -= amount

    def give_back(self, amount: float) -> None:
        """Was leased and not used; a negative amount is owed."""
        self._back += amount

    def order(self, now: float) -> tuple[tuple[float, float], float]:
        """What is wanted, at least and at most, and what goes back; it is not offered twice."""
        self._expire(now)
        self._ordered_at = now
        back, self._back = self._back, 0.0
        if not self._short or now < self._next_at:
            return (0.0, 0.0), back
        least = self._short - self._have
        return (least, max(least, min(self._ahead * self._short, self._most_ahead))), back

    def due_in(self, now: float) -> float | None:
        """In how many seconds an order makes sense; None when nothing is missing."""
        return max(self._next_at - now, 0.0) if self._short else None

    def receive(self, granted: float, in_seconds: float, now: float) -> None:
        """The answer to the order: so much is leased, or there is enough in so many seconds."""
        if granted:
            # It was given at some time since it was ordered; but a slow store must not make it useless.
            self._lots.append((granted, max(self._ordered_at, now - self._life + _LEAST_LIFE_SECONDS)))
            self._have += granted
            self._short = 0.0
        self._next_at = now + in_seconds

    def forget(self) -> None:
        """The store is away: what is wanted of it now is wanted no more."""
        self._short = 0.0
        self._next_at = 0.0

    def close(self) -> None:
        """Nothing is spent any more."""
        self._return_all()
        self._short = 0.0

    def _return_all(self) -> None:
        self._back += self._have
        self._have = 0.0
        self._lots.clear()

    def _expire(self, now: float) -> None:
        if not self._lots or now - self._lots[0][1] <= self._life:
            return
        while self._lots and now - self._lots[0][1] > self._life:
            lot, _ = self._lots.popleft()
            self._have -= lot
            self._back += lot
        if not self._lots:
            self._have = 0.0  # no rounding is carried on
        self._ahead = max(1.0, self._ahead / 2)
