"""From what happens to budgets to the alert that tells of it."""

from datetime import UTC, datetime

from streamproc.money.caps import State
from streamproc.money.ledger import Crossed
from streamproc.records.alert import BudgetAlert, UnreadableAlert

__all__ = ["alert_of", "alert_of_unreadable"]


def alert_of(crossed: Crossed, state: State, now: datetime) -> BudgetAlert:
    """The alert; its id is the same whenever the same share of the same cap is reached in the same window.

    `state` is the account's: a kill switch that an operator lifted has not fallen, whatever share was reached.
    """
    account, cap, settled = crossed.account, crossed.cap, crossed.settled
    scope = account.scope
    start = datetime.fromtimestamp(account.start_ms / 1000, UTC)
    share = format(crossed.at.normalize(), "f")
    return BudgetAlert(
        alert_id=f"{scope}, {cap.window} of {start.isoformat()}: {share} of {cap.amount} {cap.unit}",
        scope=scope.kind,
        name=scope.name or None,
        tenant=scope.tenant or None,
        window=cap.window,
        window_start=start,
        unit=cap.unit,
        share=share,
        cap=cap.amount,
        settled=settled,
        killed=state == "killed",
        at=now,
    )


def alert_of_unreadable(topic: str, partition: int, offset: int, reason: str, now: datetime) -> UnreadableAlert:
    """The alert of a usage record that cannot be read; its id is that of the record's place."""
    return UnreadableAlert(
        alert_id=f"{topic} partition {partition} offset {offset} cannot be read",
        topic=topic,
        partition=partition,
        offset=offset,
        reason=reason,
        at=now,
    )
