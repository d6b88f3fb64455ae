"""The share that is spent of the budgets that cover a call. Pure."""

from collections.abc import Callable

from streamproc.money.account import Totals
from streamproc.money.cap import Account
from streamproc.money.caps import Caps
from streamproc.money.scope import Spend

__all__ = ["spent_share"]


def spent_share(caps: Caps, call: Spend, known: Callable[[Account], Totals | None]) -> float | None:
    """The largest share of a cap, of whatever unit and action, that is settled for a call of this time.

    `known` gives an account's sums; None: not known. Returns None where no cap covers the call, or nothing is known.
    """
    shares = [
        totals.settled(cap.unit) / cap.amount if cap.amount else 1.0
        for account in caps.accounts(call)
        for cap in caps.of(account.scope)
        if cap.window == account.window and (totals := known(account)) is not None
    ]
    return max(shares, default=None)
