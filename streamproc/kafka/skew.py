"""How far the clocks of workers may differ, and how one that is behind learns of it.

A worker's time stands in the epoch of each claim, and in the notes and bills that others look for. Epochs grow whatever
the clocks say; a bill is looked for from `MOST_SKEW_SECONDS` before its call's note on.
"""

__all__ = ["MOST_SKEW_SECONDS", "seconds_behind"]

MOST_SKEW_SECONDS = 60.0


def seconds_behind(epoch: int, now: float) -> float | None:
    """How far a worker's clock is behind that of whoever claimed before it; None when it is not by too much.

    An epoch is the unix time of its claim in seconds, or the one before it and 1 more. So one from the future shows
    that somebody's clock was ahead, now or once: epochs stay there until time has caught up.
    """
    behind = epoch - now
    return behind if behind > MOST_SKEW_SECONDS else None
