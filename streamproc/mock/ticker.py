"""One timer for all answers: steps that are due in the same millisecond run together.

At thousands of streams a timer of the event loop for each step would cost as much as rendering the step's bytes.
"""

import asyncio
import heapq
import math
from collections.abc import Callable

__all__ = ["Ticker"]

_PER_SECOND = 1000

Step = Callable[[], None]


class Ticker:
    """Runs steps at their times, to a millisecond. A step must not raise."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._steps: dict[int, list[Step]] = {}
        self._ticks: list[int] = []  # a heap of the keys of _steps
        self._timer: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """The event loop's time in seconds."""
        return self._loop.time()

    def at(self, due: float, step: Step) -> int:
        """Runs `step` once, when `now()` has reached `due`. Gives the tick, for `drop`."""
        tick = math.ceil(due * _PER_SECOND)
        steps = self._steps.get(tick)
        if steps is None:
            self._steps[tick] = [step]
            heapq.heappush(self._ticks, tick)
            if self._ticks[0] == tick:
                self._schedule()
        else:
            steps.append(step)
        return tick

    def drop(self, tick: int, step: Step) -> None:
        """Takes back what `at` was told; no harm when it has run already."""
        steps = self._steps.get(tick, [])
        if step in steps:
            steps.remove(step)

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._ticks[0] / _PER_SECOND, self._run) if self._ticks else None

    def _run(self) -> None:
        # Timers of libuv have whole milliseconds, and its clock is read once in a round of the loop.
        now = round(self._loop.time() * _PER_SECOND)
        while self._ticks and self._ticks[0] <= now:
            # Steps for this very millisecond that are added meanwhile make a new entry and come in this loop, too.
            for step in self._steps.pop(heapq.heappop(self._ticks)):
                step()
        self._schedule()
