"""Throttles: calls of those whose budget is nearly spent go slower. Pure but for the clock that it is given.

Each run gets a time of its own and waits for it beside the queues, so it holds up nobody of its tenant whose budget is
another one. What is far away is not promised: a budget may be raised, or its window end, before that.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence

from streamproc.chain.clock import Clock
from streamproc.chain.gcra import Gcra
from streamproc.chain.run import Run
from streamproc.money.spent import Slowed

__all__ = ["SlowedOf", "Throttles"]

SlowedOf = Callable[[str, str | None, str | None], Sequence[Slowed]]
"""What slows down the calls of a tenant, its user and a feature at this moment."""

_AHEAD_SECONDS = 10.0
_MOST_REMEMBERED = 10_000


class Throttles:
    """A pace for each budget that slows its calls down."""

    def __init__(self, slowed_of: SlowedOf, clock: Clock, most: int = _MOST_REMEMBERED) -> None:
        """Remembers the last call of at most so many budgets."""
        self._slowed_of = slowed_of
        self._clock = clock
        self._most = most
        self._paces: OrderedDict[Slowed, Gcra] = OrderedDict()

    def wait_seconds(self, run: Run) -> float:
        """How long a run has to wait now. Within ten seconds its turn is its own then, and it is not asked again."""
        if run.is_paced:
            return 0.0
        slowed = self._slowed_of(run.tenant, run.request.user, run.request.feature)
        if not slowed:
            return 0.0
        now = self._clock.monotonic()
        paces = [self._pace(one) for one in slowed]
        wait = max(pace.wait_seconds(1, now) for pace in paces)
        if wait > _AHEAD_SECONDS:
            return _AHEAD_SECONDS
        for pace in paces:
            pace.take(1, now)
        run.is_paced = True
        return wait

    def _pace(self, slowed: Slowed) -> Gcra:
        pace = self._paces.get(slowed)
        if pace is None:
            pace = self._paces[slowed] = Gcra(slowed.per_minute, max(1.0, slowed.per_minute / 60))
            if len(self._paces) > self._most:
                self._paces.popitem(last=False)
        self._paces.move_to_end(slowed)
        return pace
