"""The alert: something an operator should know of now."""

from datetime import datetime
from typing import Literal

from streamproc.records.shapes import Written

__all__ = ["BudgetAlert"]


class BudgetAlert(Written):
    """Settled spend of a scope reached a share of its cap. Said once for each share and window, as far as it is known.

    `alert_id` is the same when it is said again. `share` is a decimal number as text; `cap` and `settled` are integers
    in nano-dollars or tokens, as `unit` says. With `killed` new calls of the scope are refused from now on.
    """

    kind: Literal["budget"] = "budget"
    alert_id: str
    scope: Literal["global", "tenant", "user", "feature"]
    name: str | None = None
    tenant: str | None = None
    window: Literal["day", "month"]
    window_start: datetime
    unit: Literal["nanos", "tokens"]
    share: str
    cap: int
    settled: int
    killed: bool
    at: datetime
