"""How a run begins: with what former owners of its partition and its own deferral left. Pure."""

from streamproc.chain.call import Progress
from streamproc.chain.run import Incoming
from streamproc.chain.schedule import Schedule, ScheduleRules, schedule
from streamproc.records.identity import first_attempt
from streamproc.records.request import Request

__all__ = ["progress_of", "times_of"]


def progress_of(incoming: Incoming) -> Progress:
    """What was used up for a run so far, and the attempt it begins with."""
    history, deferral = incoming.history, incoming.deferral
    if deferral is None:
        first = first_attempt(incoming.epoch, history.last_attempt)
        return Progress(first, spent_nanos=history.spent_nanos, crashes=history.crashes)
    last = max(deferral.attempt, history.last_attempt or 0)
    return Progress(
        first_attempt(incoming.epoch, last),
        calls=deferral.calls,
        lost_attempts=deferral.lost_attempts,
        waits=deferral.waits,
        spent_nanos=deferral.spent_nanos + history.spent_nanos,
        crashes=deferral.crashes + history.crashes,
        billed=deferral.lines,
    )


def times_of(incoming: Incoming, request: Request, now: float, rules: ScheduleRules) -> Schedule:
    """When a run may start and when it expires; a deferral changes neither.

    Raises:
        InvalidRequest: the request wants to start too late.
    """
    if incoming.deferral is not None:
        return Schedule(incoming.deferral.not_before, incoming.deferral.deadline)
    return schedule(request, now, rules)
