"""All windows of time at once: what a limit let through, seen from outside."""

from collections.abc import Sequence

__all__ = ["excess"]


def excess(begun: Sequence[tuple[float, float]], per_minute: float) -> float:
    """By how much a window has more than the limit's part, at most.

    Amounts with their times, less than 0 went back; of those of one time the first is the earlier.
    """
    level = highest = last = 0.0
    for at, amount in sorted(begun, key=lambda call: call[0]):
        level = max(0.0, level - (at - last) * per_minute / 60) + amount
        last, highest = at, max(highest, level)
    return highest
