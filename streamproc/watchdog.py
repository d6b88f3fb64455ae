"""The watchdog: ends a process whose work stands still, so that its supervisor starts it anew.

It looks from a thread of its own, because what hangs may be the event loop. Its own turns are what it counts, not the
clock: a process that was frozen as a whole gets its time back when it wakes up.
"""

import threading
from collections.abc import Callable

__all__ = ["Watchdog"]

_LOOK_SECONDS = 1.0


class Watchdog:
    """Calls `end` once when `progress` gives the same value for so many seconds of this process' own time."""

    def __init__(
        self,
        progress: Callable[[], float],
        seconds: float,
        end: Callable[[float], None],
        *,
        look_seconds: float = _LOOK_SECONDS,
    ) -> None:
        """`progress` and `end` are called in the watchdog's thread; `end` gets the seconds that passed."""
        self._progress = progress
        self._seconds = seconds
        self._end = end
        self._look_seconds = look_seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def stop(self) -> None:
        """Looks no more."""
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        last, still = self._progress(), 0.0
        while not self._stopped.wait(self._look_seconds):
            now = self._progress()
            still = 0.0 if now != last else still + self._look_seconds
            last = now
            if still >= self._seconds:
                self._end(still)
                return
