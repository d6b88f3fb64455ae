"""The verdict on a call that asks for money: it may be made, it has to wait, or not in this window."""

from typing import Literal, NamedTuple

from streamproc.money.room import Room

__all__ = ["Held", "Reason", "Refused", "Reserved", "Verdict", "Why"]

Why = Literal["reserved_by_others", "rebuilding", "away", "unreadable"]
"""Why a call has to wait: for calls that are under way, for the ledger to know what was spent, or for its store.

With `unreadable` nobody can know it, until somebody decides on a usage line that cannot be read.
"""

Reason = Literal["spent", "killed", "stopped", "too_large", "unpriced", "uncounted"]
"""Why a call is refused: too little is left, the kill switch fell, an operator stopped its scope, it passes the whole
cap by itself, or there is no bound of its cost or of its tokens."""


class Reserved(NamedTuple):
    """The call may be made, once its note is stored and the ledger confirms it."""


class Held(NamedTuple):
    """Not now. `room` opens when it is worth another try; None says that only time tells."""

    why: Why
    sentence: str
    room: Room | None = None


class Refused(NamedTuple):
    """Not in this window, unless somebody raises the cap or resumes its scope."""

    reason: Reason
    sentence: str


Verdict = Reserved | Held | Refused
