"""Sessions of members: who is silent for too long is reported."""

from collections.abc import Callable
from functools import partial

from streamproc.embedded.timing import CallLater, Timer

__all__ = ["Sessions"]


class Sessions:
    """One running session per member id; `expired` is called with the id when it ends by silence."""

    def __init__(self, call_later: CallLater, expired: Callable[[str], None]) -> None:
        self._call_later = call_later
        self._expired = expired
        self._timers: dict[str, Timer] = {}

    def extend(self, member_id: str, seconds: float) -> None:
        """Starts the member's session, or starts it anew."""
        self.end(member_id)
        self._timers[member_id] = self._call_later(seconds, partial(self._expire, member_id))

    def end(self, member_id: str) -> None:
        """Ends a session without a report; one that is not there is fine."""
        timer = self._timers.pop(member_id, None)
        if timer is not None:
            timer.cancel()

    def end_all(self) -> None:
        """Ends all sessions without a report."""
        for member_id in tuple(self._timers):
            self.end(member_id)

    def _expire(self, member_id: str) -> None:
        del self._timers[member_id]
        self._expired(member_id)
