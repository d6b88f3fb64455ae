"""Journal notes: what a worker writes down around a call, so that a crash leaves a trace that can be billed."""

from datetime import datetime
from typing import Literal

from streamproc.records.result import Result
from streamproc.records.shapes import Nanos, Written
from streamproc.records.usage import Basis, TokenCounts, UsageLine

__all__ = ["CallEnded", "CallStarted", "RunCompleted"]


class CallStarted(Written):
    """A call may begin once this note is acknowledged: `bound_nanos` is the most it can cost."""

    kind: Literal["started"] = "started"
    usage_id: str
    run_id: str
    request_id: str
    tenant: str
    attempt: int
    provider: str
    model: str
    input_hash: str
    bound_nanos: Nanos | None = None
    at: datetime


class CallEnded(Written):
    """The call ended, in whatever way: what it used (None: not known), how sure that is, and why it ended."""

    kind: Literal["ended"] = "ended"
    usage_id: str
    run_id: str
    tokens: TokenCounts | None = None
    cost_nanos: Nanos | None = None
    basis: Basis | None = None
    reason: str
    at: datetime


class RunCompleted(Written):
    """The run's answer and bill; whoever owns the partition next publishes these instead of buying again."""

    kind: Literal["completed"] = "completed"
    run_id: str
    result: Result
    usage: list[UsageLine]
    at: datetime
