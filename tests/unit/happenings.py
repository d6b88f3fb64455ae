"""One of each thing that an observer can be told of."""

from datetime import UTC, datetime

from streamproc.observe import events
from streamproc.observe.cache_events import AnswerStored, CacheLooked, StoreTrouble
from streamproc.observe.route_events import FellBack, RuleFailed
from streamproc.records.alert import BudgetAlert
from streamproc.records.usage import Saved, TokenCounts, UsageLine

__all__ = ["HAPPENINGS"]

_RUN, _AT = "t/0/0@0", datetime(2026, 1, 31, tzinfo=UTC)
_LINE = UsageLine(
    usage_id=f"{_RUN}/1/1",
    run_id=_RUN,
    request_id="r",
    tenant="t",
    attempt=1,
    provider="p",
    model="m",
    tokens=TokenCounts(input=1, output=1, cached_input=1, cache_write=1, reasoning=1, web_searches=1),
    cost_nanos=1,
    basis="provider",
    input_hash="h",
    started_at=_AT,
    ended_at=_AT,
)
_ALERT = BudgetAlert(
    alert_id="a", scope="global", window="day", window_start=_AT, unit="nanos", share="0.5", cap=2, settled=1,
    killed=False, at=_AT,
)  # fmt: skip
_SAVED = Saved(state="hit", tokens=TokenCounts(), nanos=1)
HAPPENINGS: tuple[events.Happening, ...] = (
    events.CallEnded(_RUN, 1, "p", "m", "t", "h", "disconnected", 1.0, 0.1, _LINE, "broke"),
    events.RetryPlanned(_RUN, "p", "c", 0.1, restart=True),
    events.RetryRefused(_RUN, "p", "c", "process"),
    events.BreakerChanged("p", "main", "m", "open", "why", 2.0),
    events.BreakerChanged("p", "main", "m", "closed", "", 0.0),
    events.CallsHeld("p", "breaker", None, 1.0),
    events.SharedLimitsChanged("open", "", 3),
    events.SharedLimitsChanged("away", "s", 3),
    events.RunWaits(_RUN, "c", "s", 1.0),
    events.RunDeferred(_RUN),
    events.RunEnded(_RUN, "t", "m", "failed", "c", 1.0),
    events.DeadLettered(_RUN, "c", "s"),
    events.Committed("t", 0, 1, 0.1),
    events.PartitionChanged("t", 0, "claimed"),
    events.ClockBehind("t", 0, 61.0),
    events.PublishBroke("t", "s"),
    events.ControlTrouble("t", "c", "s"),
    events.JournalTrouble("t", "s"),
    events.CallLost(_LINE),
    events.UsageAboveBound(_LINE, _LINE),
    events.UsageUnreadable("t", 0, 5, "s", is_skipped=False),
    events.UsageUnreadable("t", 0, 5, "s", is_skipped=True),
    events.BudgetHeld(_RUN, "away", "s"),
    events.BudgetSpent(_RUN, "spent", "s"),
    events.LedgerOpened(0.1),
    events.LedgerChanged("open", ""),
    events.LedgerChanged("away", "s"),
    events.BudgetsChanged(1),
    events.BudgetAlerted(_ALERT),
    events.AlertTrouble("a", "s"),
    FellBack(_RUN, "r", "p/m", "q/n", "breaker"),
    RuleFailed("r", "v", "s"),
    CacheLooked(_RUN, "t", "p", "m", "h", "memory", _LINE.changed(saved=_SAVED)),
    AnswerStored(_RUN, 1000),
    StoreTrouble("get", "s"),
)
