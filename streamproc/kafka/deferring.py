"""Deferring: which waiting runs leave the window for the topic of deferred runs, so that others can be taken. Pure.

As long as there is room a run waits where it is: that costs no record. And a deferred run is not deferred again: when
the windows of both topics are full of runs that wait, they are held, and lag is the queue.
"""

from collections.abc import Iterable
from typing import NamedTuple

from streamproc.chain.run import Run

__all__ = ["Bounds", "choose", "is_deferrable"]

_LEAST_SECONDS = 10.0  # to move a run and to read it again is not worth less
_MOST_RUNS = 1000
_MOST_BYTES = 8 * 2**20


class Bounds(NamedTuple):
    """How much one process holds at a time: a span of offsets per partition, bytes of queued requests in all."""

    max_window: int
    max_queued_bytes: int

    def is_crowded(self, window: int, queued_bytes: int, *, has_room: bool) -> bool:
        """Whether a partition is near a cap, at three quarters, or has no room any more for another reason."""
        return not has_room or window >= 0.75 * self.max_window or queued_bytes >= 0.75 * self.max_queued_bytes

    def has_bytes_left(self, queued_bytes: int, *, is_deferred: bool) -> bool:
        """Whether more requests may be taken. Deferred ones get half: they wait, and others could be answered."""
        return queued_bytes < (0.5 if is_deferred else 1) * self.max_queued_bytes


def is_deferrable(run: Run, now: float) -> bool:
    """Whether a run waits for its own `not_before`, and for a while: one that waits for its provider may go on soon.

    One that has an order by its key stays: others of its key would be read, and answered, before it is back.
    """
    is_own = run.request.not_before is not None and run.progress.waits == 0
    return is_own and run.order_key is None and not run.is_deferred and run.not_before - now >= _LEAST_SECONDS


def choose(waiting: Iterable[Run], now: float) -> list[Run]:
    """The runs to defer now: the lowest offsets first, because they hold the window; not more than a commit bears."""
    chosen: list[Run] = []
    size_bytes = 0
    for run in sorted((run for run in waiting if is_deferrable(run, now)), key=lambda run: run.offset):
        size_bytes += run.size_bytes
        if chosen and (len(chosen) == _MOST_RUNS or size_bytes > _MOST_BYTES):
            break
        chosen.append(run)
    return chosen
