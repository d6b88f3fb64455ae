"""The alert: something an operator should know of now."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from streamproc.records.shapes import Written

__all__ = ["ALERTS", "Alert", "BreakerAlert", "BudgetAlert", "UnreadableAlert"]


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


class BreakerAlert(Written):
    """A worker's breaker of a credential with a model is open, lets a probe through, or is closed again.

    An open one lets no call through for `wait_seconds`. `reason` says what opened it: failed or slow calls, or that the
    credential was refused or its quota used up. Each worker has breakers of its own; `worker` tells them apart. What
    follows quickly is held back, and what came of it is told later: `untold` counts the changes since the alert before.
    """

    kind: Literal["breaker"] = "breaker"
    alert_id: str
    worker: str
    provider: str
    credential: str
    model: str
    state: Literal["open", "half_open", "closed"]
    reason: str
    wait_seconds: float
    untold: int
    at: datetime


class UnreadableAlert(Written):
    """A record of the usage topic cannot be read, so nobody knows what was spent: no call begins under a budget.

    `reason` says what is wrong with it. It goes on when a worker starts that can read it, or that passes it over.
    """

    kind: Literal["unreadable"] = "unreadable"
    alert_id: str
    topic: str
    partition: int
    offset: int
    reason: str
    at: datetime


Alert = Annotated[BudgetAlert | BreakerAlert | UnreadableAlert, Field(discriminator="kind")]
"""Any of them."""

ALERTS: TypeAdapter[Alert] = TypeAdapter(Alert)
