"""The stock: what was leased of one limit and not yet spent. Pure.

How much is fetched ahead learns from what is used: twice as much whenever the stock ran dry, half as much whenever some
of it lay unused for its life. That goes back.

A lease is counted when it is given, and used a little later: a window may have, beside what was given in it, what was
given up to one life before. So the store gives no more at once than the burst less the limit's part of one life.

What goes back has a mark: how much the store had lent by then. The store takes back only what it had lent up to the
mark and what has not flowed off since (decision 9). What was leased and not used has the mark of its lease. The rest of
an estimate has the last one that is older than a lease can be: all up to there is spent, and the provider has seen it.
"""

from collections import deque

from streamproc.chain.lease import Draw, Lent

__all__ = ["Stock", "lent_at_once", "life_seconds"]

_LIFE_SECONDS = 0.1
"""A lease that is older is not spent any more; where the burst is used in less than twice that, half of it."""

_LEAST_LIFE_SECONDS = 0.02
"""Of a lease that comes late."""

_MOST_CALLS_AHEAD = 1024.0

_TELL_SECONDS = 0.02
"""So often what goes back is told at least, where something is missing."""

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

    __slots__ = (
        "_ahead",
        "_back",
        "_have",
        "_life",
        "_lots",
        "_marks",
        "_most_ahead",
        "_next_at",
        "_ordered_at",
        "_owed",
        "_short",
    )

    def __init__(self, per_minute: float, burst: float) -> None:
        self._life = life_seconds(per_minute, burst)
        self._most_ahead = per_minute / 60 * self._life
        self._ahead = 1.0  # calls
        self._lots: deque[tuple[float, float, str]] = deque()  # amounts, each with when it was leased, and its mark
        self._marks: deque[tuple[float, str]] = deque()  # with when they came
        self._back: dict[str, float] = {}  # by mark
        self._have = self._owed = self._short = 0.0
        self._next_at = self._ordered_at = 0.0

    def __repr__(self) -> str:
        return f"Stock({self._have:g}, back={sum(self._back.values()):g}, owed={self._owed:g}, short={self._short:g})"

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to tell or to fetch."""
        return not self._lots and not self._back and not self._owed and not self._short

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

    def take(self, amount: float) -> str | None:
        """Spends, the oldest first; also what is not there. The oldest one's mark is for `cancel`."""
        mark = self._lots[0][2] if self._lots else None
        while amount > 0.0 and self._lots:
            lot, leased_at, its_mark = self._lots.popleft()
            used = min(lot, amount)
            amount -= used
            self._have -= used
            if used < lot:
                self._lots.appendleft((lot - used, leased_at, its_mark))
        self._owed += amount
        return mark

    def owe(self, amount: float) -> None:
        """So much was used beyond what was leased."""
        self._owed += amount

    def give_back(self, amount: float, now: float) -> None:
        """An estimate that was spent was too high by so much."""
        self._forget_marks(now)
        if self._marks and self._marks[0][0] <= now - self._life:
            self._return(amount, self._marks[0][1])

    def cancel(self, amount: float, mark: str | None) -> None:
        """What was taken with this mark was not used."""
        if mark is not None:
            self._return(amount, mark)

    def order(self, now: float) -> Draw:
        """What is wanted, and what goes back; it is not offered twice."""
        self._expire(now)
        self._ordered_at = now
        owed, back = self._owed, tuple(self._back.items())
        self._owed, self._back = 0.0, {}
        if not self._short or (now < self._next_at and not back):
            return Draw(owed=owed, back=back)
        least = self._short - self._have
        return Draw(least, max(least, min(self._ahead * self._short, self._most_ahead)), owed, back)

    def due_in(self, now: float) -> float | None:
        """In how many seconds an order makes sense; None when nothing is missing."""
        if not self._short:
            return None
        # What goes back may be what is missing; and it flows off, while nobody may use it.
        due = min(self._next_at, self._ordered_at + _TELL_SECONDS) if self._back else self._next_at
        return max(due - now, 0.0)

    def receive(self, lent: Lent, now: float) -> None:
        """The answer to the order."""
        self._forget_marks(now)
        self._marks.append((now, lent.mark))
        if lent.amount:
            # It was given at some time since it was ordered; but a slow store must not make it useless.
            leased_at = max(self._ordered_at, now - self._life + _LEAST_LIFE_SECONDS)
            self._lots.append((lent.amount, leased_at, lent.mark))
            self._have += lent.amount
            self._short = 0.0
        self._next_at = now + lent.in_seconds

    def forget(self) -> None:
        """The store is away: what is wanted of it now is wanted no more."""
        self._short = 0.0
        self._next_at = 0.0

    def close(self) -> None:
        """Nothing is spent any more."""
        self._return_all()
        self._short = 0.0

    def _return_all(self) -> None:
        for lot, _, mark in self._lots:
            self._return(lot, mark)
        self._have = 0.0
        self._lots.clear()

    def _return(self, amount: float, mark: str) -> None:
        self._back[mark] = self._back.get(mark, 0.0) + amount

    def _forget_marks(self, now: float) -> None:
        while len(self._marks) > 1 and self._marks[1][0] <= now - self._life:
            self._marks.popleft()

    def _expire(self, now: float) -> None:
        if not self._lots or now - self._lots[0][1] <= self._life:
            return
        while self._lots and now - self._lots[0][1] > self._life:
            lot, _, mark = self._lots.popleft()
            self._have -= lot
            self._return(lot, mark)
        if not self._lots:
            self._have = 0.0  # no rounding is carried on
        self._ahead = max(1.0, self._ahead / 2)
