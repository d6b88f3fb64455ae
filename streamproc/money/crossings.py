"""Crossings: shares of caps that settled spend has reached between two looks at a ledger's standings."""

from collections.abc import Callable, Iterable

from streamproc.money.cap import Account, Unit
from streamproc.money.caps import Caps
from streamproc.money.ledger import Crossed, Standing

__all__ = ["Crossings"]


class Crossings:
    """Remembers the last look. At the first one everything that is reached is told: rather again than never."""

    def __init__(self, crossed: Callable[[Crossed], None]) -> None:
        self._crossed = crossed
        self._settled: dict[tuple[Account, Unit], int] = {}
        self._caps: Caps | None = None

    def look(self, standings: Iterable[Standing], caps: Caps) -> None:
        """Tells each share that was reached since the last look, and of a cap that is another one now each reached."""
        before, self._settled = self._settled, {}
        former, self._caps = self._caps, caps
        for standing in standings:
            key = standing.account, standing.unit
            self._settled[key] = standing.settled
            for cap in caps.of(standing.account.scope):
                if (cap.window, cap.unit) == (standing.account.window, standing.unit):
                    is_new = former is not None and cap not in former.of(standing.account.scope)
                    for at in cap.crossed(0 if is_new else before.get(key, 0), standing.settled):
                        self._crossed(Crossed(standing.account, cap, at, standing.settled))
