"""The line at a limit: who waits there, in the order in which they came. Pure.

A bucket lets in whatever fits, so without a line a large call waits for ever beside small ones that always find room.
Who was refused has a place, and whoever came later reckons with what stands before it: it goes only if that could go,
too. So the wait that somebody is told is one that nobody behind makes longer.

A place is kept until a moment after its time. Who does not come by then is held by something else, or gone, and must
not hold up the others. There are few places: whoever finds none goes behind all of them, and gets one when one is free.
"""

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Line", "Place", "Taken", "calls_of", "tokens_of"]

Taken = Sequence[tuple[float, float]]
"""Amounts that others will take, each with the time at which it is taken at the latest."""

_PLACES = 32
"""Everybody who asks looks at all places before his own, so a thousand tenants that wait must not have one each."""

_GRACE_SECONDS = 0.25
"""A place is kept for so long after the time at which its owner was to come: a busy process is a little late."""


class Place(NamedTuple):
    """A call of so many tokens, and when it was told to come."""

    tokens: int
    comes_at: float


def calls_of(before: Sequence[Place]) -> Taken:
    """What those that stand before somebody will take of a limit of requests."""
    return [(1.0, place.comes_at) for place in before] if before else ()


def tokens_of(before: Sequence[Place]) -> Taken:
    """The same of a limit of tokens."""
    return [(place.tokens, place.comes_at) for place in before] if before else ()


class Line:
    """Places by name, a name being that of a queue: each has one at most. Times are monotonic seconds."""

    __slots__ = ("_places",)

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}  # the first that came is the first

    def __repr__(self) -> str:
        return f"Line({', '.join(self._places)})"

    def before(self, who: str | None, now: float) -> Sequence[Place]:
        """The places before this one's; before None, who has no queue, are all."""
        if not self._places:
            return ()
        before = []
        for name, place in list(self._places.items()):
            if name == who:
                break
            if place.comes_at + _GRACE_SECONDS <= now:
                del self._places[name]
            else:
                before.append(place)
        return before

    def join(self, who: str | None, tokens: int, comes_at: float) -> None:
        """This one is refused a call of so many tokens and comes again then; a place that it has it keeps."""
        if who is not None and (who in self._places or len(self._places) < _PLACES):
            self._places[who] = Place(tokens, comes_at)

    def leave(self, who: str | None) -> None:
        """This one goes in, or waits for something else."""
        if self._places and who is not None:
            self._places.pop(who, None)
