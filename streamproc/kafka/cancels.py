"""Cancels: what the senders of one control topic want to have ended. Pure: no I/O, no clock of its own.

They are remembered, because they may come before the request is read, hours before when there is lag.
"""

from typing import Literal

from streamproc.chain.run import Run
from streamproc.records.control import Cancel
from streamproc.records.identity import RunId

__all__ = ["Cancels", "Taken"]

Taken = Literal["taken", "too_old", "wrong_tenant", "too_many"]
"""What became of a cancel; with `too_many` it was taken, and the oldest one was forgotten."""


class Cancels:
    """Bounded in number and in age. `tenant` is the only one whose runs the topic may cancel; None is any."""

    def __init__(self, tenant: str | None, most: int, max_age_seconds: float) -> None:
        self._tenant = tenant
        self._most = most
        self._max_age_ms = int(max_age_seconds * 1000)
        # A request id is a text and a run id is not, so neither can pass for the other. The oldest stands first.
        self._times: dict[tuple[str, RunId | str], int] = {}

    def __len__(self) -> int:
        return len(self._times)

    def add(self, cancel: Cancel, timestamp_ms: int, now_ms: int) -> Taken:
        """Takes a cancel with its record's timestamp."""
        if self._tenant is not None and cancel.tenant != self._tenant:
            return "wrong_tenant"
        oldest = now_ms - self._max_age_ms
        if timestamp_ms < oldest:
            return "too_old"
        key = (cancel.tenant, cancel.request_id or RunId.parse(cancel.run_id or ""))
        self._times[key] = max(timestamp_ms, self._times.pop(key, timestamp_ms))
        while self._first_time() < oldest:
            self._forget_first()
        if len(self._times) > self._most:
            self._forget_first()
            return "too_many"
        return "taken"

    def _first_time(self) -> int:
        return next(iter(self._times.values()))

    def _forget_first(self) -> None:
        del self._times[next(iter(self._times))]

    def cover(self, run: Run) -> bool:
        """Whether a run is cancelled: by its run id, or by its request id in a cancel that is not earlier than it."""
        if not self._times:
            return False  # nearly always, and once for every request
        if (run.tenant, run.id) in self._times:
            return True
        time_ms = self._times.get((run.tenant, run.request.request_id))
        return time_ms is not None and run.id.timestamp_ms <= time_ms
