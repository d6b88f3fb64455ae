"""The sums of the memory ledger: what is spent and reserved of each account whose window is not over."""

from collections.abc import Callable, ItemsView, ValuesView

from streamproc.money.account import Totals
from streamproc.money.cap import Account, Cap
from streamproc.money.caps import Accounts, Caps

__all__ = ["Sums"]


class Sums:
    """Totals by account."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        """`now_ms` gives unix milliseconds."""
        self._now_ms = now_ms
        self._totals: dict[Account, Totals] = {}
        self._over: set[Account] = set()
        self._pruned_ms = 0

    def get(self, account: Account) -> Totals | None:
        """Those of an account; None where nothing was counted."""
        return self._totals.get(account)

    def values(self) -> ValuesView[Totals]:
        """All totals."""
        return self._totals.values()

    def items(self) -> ItemsView[Account, Totals]:
        """All accounts with their totals."""
        return self._totals.items()

    def clear(self) -> None:
        """Nothing is counted any more."""
        self._totals.clear()

    def of(self, accounts: Accounts, leaving_out: Caps | None) -> list[tuple[Account, tuple[Cap, ...], Totals]]:
        """These accounts with their totals, new ones where there were none.

        With `leaving_out` there are no new ones for windows that are over by these caps.
        """
        found = []
        for account, caps in accounts:
            totals = self._totals.get(account)
            if totals is None and (leaving_out is None or not leaving_out.is_over(account, self._now_ms())):
                totals = self._totals[account] = Totals()
            if totals is not None:
                found.append((account, caps, totals))
        return found

    def prune(self, caps: Caps) -> None:
        """Once a day: a window that is over has nothing left to guard.

        It has to be over at two looks: when a clock that was wrong is put right again, what was spent is still known.
        """
        now_ms = self._now_ms()
        today_ms = caps.today_ms(now_ms)
        if today_ms != self._pruned_ms:
            self._pruned_ms = today_ms
            over = {account for account in self._totals if caps.is_over(account, now_ms)}
            for account in over & self._over:
                del self._totals[account]
            self._over = over
