"""The schedule of a run: from when on it may start, and when nobody wants its answer any more. Pure."""

from typing import NamedTuple

from streamproc.errors import InvalidRequest
from streamproc.records.request import Request

__all__ = ["Schedule", "ScheduleRules", "schedule"]


class ScheduleRules(NamedTuple):
    """Bounds from the settings, in seconds from now."""

    default_deadline_seconds: float
    max_deadline_seconds: float
    max_not_before_seconds: float


class Schedule(NamedTuple):
    """Unix seconds. A `not_before` of 0 is at once."""

    not_before: float
    deadline: float


def schedule(request: Request, now: float, rules: ScheduleRules) -> Schedule:
    """When a request that is read `now` may start, and when it expires. A default deadline counts from its start.

    Raises:
        InvalidRequest: it wants to start too late, or after its own deadline.
    """
    deadline = now + rules.default_deadline_seconds
    if request.deadline is not None:
        deadline = min(request.deadline.timestamp(), now + rules.max_deadline_seconds)
    if request.not_before is None:
        return Schedule(0.0, deadline)
    not_before = request.not_before.timestamp()
    if not_before > now + rules.max_not_before_seconds:
        raise InvalidRequest(
            f"not_before: is more than worker.max_not_before_seconds ({rules.max_not_before_seconds:g}) away"
        )
    if request.deadline is None:
        deadline = max(deadline, not_before + rules.default_deadline_seconds)
    elif not_before >= deadline:
        raise InvalidRequest("not_before: is not earlier than the deadline")
    return Schedule(not_before, deadline)
