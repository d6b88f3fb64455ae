"""Known totals: what a worker knows of accounts that are kept elsewhere, for decisions that cannot wait."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from streamproc.money.account import Totals
from streamproc.money.cap import Account
from streamproc.money.clock import Clock

__all__ = ["KnownTotals"]

_LOOK_SECONDS = 1.0
_WANTED_SECONDS = 60.0
_MOST_WANTED = 1000


class KnownTotals:
    """Sums of the accounts that were asked about within the last minute, at most a thousand; read once a second."""

    def __init__(self, read: Callable[[Sequence[Account]], Awaitable[Sequence[Totals] | None]], clock: Clock) -> None:
        """`read` gives the sums of accounts, or None when they cannot be read at present."""
        self._read = read
        self._clock = clock
        self._wanted: OrderedDict[Account, float] = OrderedDict()
        self._known: dict[Account, Totals] = {}
        self._is_wanted = asyncio.Event()

    def get(self, account: Account) -> Totals | None:
        """Its sums as they were at the last look; None: nobody has looked yet."""
        self._wanted[account] = self._clock.monotonic()
        self._wanted.move_to_end(account)
        if len(self._wanted) > _MOST_WANTED:
            self._wanted.popitem(last=False)
        self._is_wanted.set()
        return self._known.get(account)

    async def run(self) -> None:
        """Looks until it is cancelled; not while nobody asks."""
        while True:
            await self._is_wanted.wait()
            await self.look()
            await self._clock.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Reads the sums of what is wanted. Those that cannot be read stay as they were known last."""
        oldest = self._clock.monotonic() - _WANTED_SECONDS
        while self._wanted and next(iter(self._wanted.values())) < oldest:
            self._wanted.popitem(last=False)
        accounts = list(self._wanted)
        if not accounts:
            self._is_wanted.clear()
            self._known = {}
            return
        totals = await self._read(accounts)
        if totals is not None:
            self._known = dict(zip(accounts, totals, strict=True))
