"""Suspects: leases that have lain for so long that somebody has to ask the journal what became of their calls. Pure.

How long is told by the clock of who looks, from when it saw a lease first: other clocks may be wrong.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["Lease", "Suspects"]


class Lease(NamedTuple):
    """A call's reservation; `at` tells it from another one that the same call had in another view."""

    usage_id: str
    at: str
    is_confirmed: bool


class Suspects:
    """Remembers the leases of the last look."""

    def __init__(self, unconfirmed_seconds: float, call_seconds: float) -> None:
        """A call's note is stored after `unconfirmed_seconds`, or never; no call takes longer than `call_seconds`."""
        self._unconfirmed_seconds = unconfirmed_seconds
        self._call_seconds = call_seconds
        self._seen: dict[Lease, float] = {}

    def look(self, calls: Mapping[str, Mapping[str, Any]], now: float) -> list[Lease]:
        """Those among the calls of a view that are suspect; `now` grows from look to look."""
        leases = [
            Lease(usage_id, call["at"], call["state"] == "confirmed")
            for usage_id, call in calls.items()
            if call["state"] != "settled"
        ]
        self._seen = {lease: self._seen.get(lease, now) for lease in leases}
        return [lease for lease in leases if now - self._seen[lease] >= self._patience(lease)]

    def clear(self, lease: Lease, now: float) -> None:
        """The journal knows its call: it is suspect no more, for as long again."""
        self._seen[lease] = now

    def _patience(self, lease: Lease) -> float:
        return self._call_seconds if lease.is_confirmed else self._unconfirmed_seconds
