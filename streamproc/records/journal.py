"""Journal notes: what a worker writes down around a call, so that a crash leaves a trace that can be billed.

Each note names its `owner`, the assignment that wrote it: a partition in one process, from the time the process got it
until it lost it. Who owns the partition later tells its own notes from those of the owners before it.
"""

from typing import Literal

from streamproc.records.result import Result
from streamproc.records.shapes import Written
from streamproc.records.usage import UsageLine

__all__ = ["CallEnded", "CallStarted", "Note", "RunCompleted"]


class CallStarted(Written):
    """A call may begin once this note is stored. `line` is the most it can use; it is billed if the call is lost."""

    kind: Literal["started"] = "started"
    owner: str
    run_id: str
    line: UsageLine


class CallEnded(Written):
    """The call ended, in whatever way. `line` is its bill; None says that it cost nothing, or was never made."""

    kind: Literal["ended"] = "ended"
    owner: str
    run_id: str
    usage_id: str
    line: UsageLine | None = None
    reason: str


class RunCompleted(Written):
    """The run's answer; whoever owns the partition next publishes it instead of buying it again.

    A large answer comes in as many notes as its result has parts, in their order. Its bill stands in the `ended` notes.
    """

    kind: Literal["completed"] = "completed"
    owner: str
    run_id: str
    result: Result


Note = CallStarted | CallEnded | RunCompleted
