"""The budget, as the chain sees it: asked before each real call, and told after it what the call took."""

from typing import Protocol

from streamproc.errors import BudgetRefused, NotNow
from streamproc.money.ledger import Ledger
from streamproc.money.scope import spend_of
from streamproc.money.verdict import Held, Refused
from streamproc.observe.events import BudgetHeld, BudgetSpent, Observer
from streamproc.records.usage import AtMost, Basis, TokenCounts, UsageLine

__all__ = ["Budget", "LedgerBudget", "NoBudget", "at_most"]

_IN_ANY_CASE_SECONDS = 30.0
"""A run that is told of room need not come back by itself: a thousand of them would do nothing but ask."""

_CONFIRMED_LATE = "the note of the call was stored too late for its reservation"


class Budget(Protocol):
    """Lines before a call are the most that it can use; after it they are its bill."""

    async def reserve(self, most: UsageLine) -> None:
        """Takes the call's worst case out of every budget it touches.

        Raises:
            NotNow: others have reserved what is left, or nobody knows at present what was spent.
            BudgetRefused: too little is left, or an operator stopped it.
        """
        ...

    def confirm(self, most: UsageLine) -> None:
        """The call's note is stored.

        Raises:
            NotNow: too late: the reservation is no longer good, and the call must not begin.
        """
        ...

    def close(self, usage_id: str, line: UsageLine | None) -> None:
        """The call ended, or was never made; None took nothing. Waits for nothing."""
        ...


class NoBudget:
    """Where there are no caps."""

    async def reserve(self, most: UsageLine) -> None:
        """Nothing to take."""

    def confirm(self, most: UsageLine) -> None:
        """Nothing was taken."""

    def close(self, usage_id: str, line: UsageLine | None) -> None:
        """Nothing was taken."""


class LedgerBudget:
    """Asks a ledger."""

    def __init__(self, ledger: Ledger, observer: Observer) -> None:
        self._ledger = ledger
        self._observer = observer

    async def reserve(self, most: UsageLine) -> None:
        """As `Budget`."""
        try:
            verdict = await self._ledger.reserve(spend_of(most))
        except BaseException:
            # Cut off while it waited: the ledger may have taken it.
            self._ledger.release(most.usage_id)
            raise
        if isinstance(verdict, Refused):
            self._observer.saw(BudgetSpent(most.run_id, verdict.reason, verdict.sentence))
            raise BudgetRefused(verdict.sentence)
        if isinstance(verdict, Held):
            self._observer.saw(BudgetHeld(most.run_id, verdict.why, verdict.sentence))
            seconds = None if verdict.room is None else _IN_ANY_CASE_SECONDS
            raise NotNow(verdict.sentence, code="budget_held", retry_after_seconds=seconds, room=verdict.room)

    def confirm(self, most: UsageLine) -> None:
        """As `Budget`."""
        if not self._ledger.confirm(most.usage_id):
            self._observer.saw(BudgetHeld(most.run_id, "away", _CONFIRMED_LATE))
            raise NotNow(_CONFIRMED_LATE, code="budget_held")

    def close(self, usage_id: str, line: UsageLine | None) -> None:
        """As `Budget`."""
        if line is None:
            self._ledger.release(usage_id)
        else:
            self._ledger.settle(spend_of(line))


def at_most(basis: Basis, tokens: TokenCounts, nanos: int | None, most: UsageLine) -> AtMost | None:
    """The most that a call can have used whose bill says this; None where the provider told all of it.

    `most` is the line before the call.
    """
    if basis == "provider" and nanos is not None:
        return None
    told = tokens.total
    return AtMost(
        cost_nanos=_more(nanos, most.cost_nanos),
        tokens=told if basis == "provider" else _more(told, most.tokens.total),
    )


def _more(told: int | None, bound: int | None) -> int | None:
    # A bound that is not known stays so; a figure that is not known is below its bound.
    return None if bound is None else max(told or 0, bound)
