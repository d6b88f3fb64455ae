"""Shares of the slots: how many of them one route or one tenant may have at a time. Pure.

Dynamic thresholds (A. K. Choudhury and E. L. Hahne, IEEE/ACM Transactions on Networking, 1998), as switches share their
memory among ports: each name may have so many slots for each one that is left free. The more names hang, the less each
of them has, and something is always left for one that has none: of n with a share of 0.8, one part in 1 + 4 n.
"""

from collections.abc import Callable, Iterable
from math import inf

from streamproc.kafka.rotation import evenly

__all__ = ["Shares"]

_ROUNDING = 1e-9


class Shares:
    """Counts the slots of each name. Who is the only one that was ever seen may have all of them."""

    __slots__ = ("_names", "_per_free", "_running", "_weight_of")

    def __init__(self, share: float, names: Iterable[str] = (), weight_of: Callable[[str], float] = evenly) -> None:
        """Begins with nobody.

        Args:
            share: part of all slots that one of weight 1 may have when it alone has any; 1 is no bound.
            names: some that are known to come.
            weight_of: gives the weight, above zero, with which a name's share is multiplied.
        """
        self._per_free = inf if share >= 1 else share / (1 - share)
        self._names = set(names)
        self._weight_of = weight_of
        self._running: dict[str, int] = {}

    def expect(self, name: str) -> None:
        """This one wants slots, too."""
        if len(self._names) < 2:  # noqa: PLR2004 one is alone, two share; and names of senders are without number
            self._names.add(name)

    def is_full(self, name: str, free: int) -> bool:
        """Whether this one may have no further slot while so many are free. Who has none may have one."""
        running = self._running.get(name)
        if running is None or self._per_free == inf or len(self._names) < 2:  # noqa: PLR2004 as above
            return False
        return running + 1 > self._per_free * self._weight_of(name) * (free - 1) + _ROUNDING

    def enter(self, name: str) -> None:
        """It has one more."""
        self._running[name] = self._running.get(name, 0) + 1

    def leave(self, name: str) -> None:
        """It has one less."""
        left = self._running.pop(name) - 1
        if left:
            self._running[name] = left
