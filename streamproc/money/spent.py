"""What is spent of the budgets that cover a call, for decisions before it. Pure."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from streamproc.money.account import Totals
from streamproc.money.cap import Account, Cap
from streamproc.money.caps import Caps
from streamproc.money.scope import Spend

__all__ = ["Known", "Slowed", "slowed", "spent_share"]

Known = Callable[[Account], Totals | None]
"""Gives an account's sums; None: not known."""


class Slowed(NamedTuple):
    """Calls that are added to this account are slowed down to so many a minute."""

    account: Account
    per_minute: float


def spent_share(caps: Caps, call: Spend, known: Known) -> float | None:
    """The largest share of a cap, of whatever unit and action, that is settled for a call of this time.

    None where no cap covers the call, or nothing is known.
    """
    shares = [
        totals.settled(cap.unit) / cap.amount if cap.amount else 1.0 for _, cap, totals in _covering(caps, call, known)
    ]
    return max(shares, default=None)


def slowed(caps: Caps, call: Spend, known: Known) -> tuple[Slowed, ...]:
    """What slows such a call down, as far as it is known."""
    return tuple(
        Slowed(account, cap.throttle.per_minute)
        for account, cap, totals in _covering(caps, call, known)
        if cap.throttle is not None and cap.is_slow(totals.settled(cap.unit))
    )


def _covering(caps: Caps, call: Spend, known: Known) -> Iterator[tuple[Account, Cap, Totals]]:
    for account in caps.accounts(call):
        for cap in caps.of(account.scope):
            if cap.window == account.window and (totals := known(account)) is not None:
                yield account, cap, totals
