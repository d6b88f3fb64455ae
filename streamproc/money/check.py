"""The check: what a call asks of one account that has a cap, and whether the account has room for it. Pure."""

from decimal import Decimal
from typing import NamedTuple

from streamproc.money.cap import Account, Cap, amount
from streamproc.money.verdict import Held, Refused

__all__ = ["Check", "judge", "too_large", "unbounded"]


class Check(NamedTuple):
    """What a call asks of one account that has a cap; the kill switch falls when `kill_amount` is settled."""

    account: Account
    cap: Cap
    ask: int
    kill_amount: int


def judge(check: Check, settled: int, reserved: int) -> Refused | Held | None:
    """Whether an account has room for a call: None is yes.

    What is settled is spent; what is reserved may come back, because others reserved the most that they can use.
    """
    cap, unit = check.cap, check.cap.unit
    if settled >= check.kill_amount:
        percent = Decimal(settled * 100) / cap.amount if cap.amount else Decimal(100)
        return Refused(
            "killed",
            f"{amount(unit, settled)} are spent of {cap}, {percent:.0f} %, and its kill switch fell at"
            f" {amount(unit, check.kill_amount)}",
        )
    if settled + check.ask > cap.amount:
        return Refused(
            "spent",
            f"the call may take up to {amount(unit, check.ask)}, and {amount(unit, cap.amount - settled)} are left of"
            f" {cap}",
        )
    if settled + reserved + check.ask > cap.amount:
        return Held("reserved_by_others", f"calls under way have reserved what is left of {cap}")
    return None


def unbounded(cap: Cap) -> Refused:
    """Of a call that may use more than anybody knows."""
    if cap.unit == "nanos":
        return Refused("unpriced", f"what the call may cost has no bound, and there is a cap of {cap}")
    return Refused("uncounted", f"the tokens that the call may use have no bound, and there is a cap of {cap}")


def too_large(cap: Cap, ask: int) -> Refused:
    """Of a call that has no room even where nothing is spent."""
    return Refused("too_large", f"the call may take up to {amount(cap.unit, ask)}, more than the whole cap of {cap}")
