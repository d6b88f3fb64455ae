"""The deadlines of a call or of a run: for the whole of it, and for the silence between two events.

One timer for each, moved only when it fires, so that reading an event costs two looks at the clock and no timer. Making
and entering one costs a third of `asyncio.timeout`.
"""

import asyncio
from types import TracebackType
from typing import Literal, Self

__all__ = ["Deadlines"]

_Kind = Literal["idle", "total"]


class Deadlines:
    """Entered around each wait for the provider; raises `TimeoutError` there, and nowhere else, when time is up.

    Only time spent inside counts as silence: a consumer that does not ask for more is not the provider's fault.
    A timer that fires cancels the waiting task and turns exactly this cancellation into `TimeoutError`, by the
    counting of `asyncio.timeout`; a cancellation from outside stays what it is.
    """

    def __init__(self, *, total_seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._total_seconds = total_seconds
        self._total_at = self._loop.time() + total_seconds
        self._idle_seconds: float | None = None
        self._silent_seconds = 0.0
        self._waiting_since = 0.0
        self._task: asyncio.Task[object] | None = None  # the task that waits now
        self._cancelling = 0
        self._passed: _Kind | None = None
        self._timer = self._loop.call_at(self._total_at, self._fire)

    def watch_silence(self, idle_seconds: float) -> None:
        """From now on no more than this may pass between two events."""
        self._idle_seconds = idle_seconds
        self._timer.cancel()
        self._arm(self._loop.time() + idle_seconds)

    def progress(self) -> None:
        """An event came."""
        self._silent_seconds = 0.0

    @property
    def is_over(self) -> bool:
        """Whether time is up."""
        return self._passed is not None

    def close(self) -> None:
        """Stops the timer."""
        self._timer.cancel()

    def __enter__(self) -> Self:
        if self._passed is not None:
            raise TimeoutError(self._sentence())
        self._task = asyncio.current_task(self._loop)
        if self._task is not None:
            self._cancelling = self._task.cancelling()
        self._waiting_since = self._loop.time()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, _: TracebackType | None) -> None:
        self._silent_seconds += self._loop.time() - self._waiting_since
        task, self._task = self._task, None
        # A cancellation that came from outside as well leaves the count above where it was, and goes on as itself.
        if (
            self._passed is not None
            and task is not None
            and task.uncancel() <= self._cancelling
            and kind is asyncio.CancelledError
        ):
            raise TimeoutError(self._sentence()) from exc

    def _fire(self) -> None:
        now = self._loop.time()
        if now >= self._total_at:
            self._pass("total")
        elif self._idle_seconds is None:
            self._arm(self._total_at)  # the timer may fire a moment early
        else:
            left = self._idle_seconds - self._silent_seconds
            if self._task is None:
                # Nobody waits, perhaps for long, while little may be left: looking again too often would be waste.
                self._arm(now + max(left, self._idle_seconds / 4))
            elif (left := left - (now - self._waiting_since)) > 0:
                self._arm(now + left)
            else:
                self._pass("idle")

    def _arm(self, when: float) -> None:
        self._timer = self._loop.call_at(min(self._total_at, when), self._fire)

    def _pass(self, kind: _Kind) -> None:
        # Outside a wait the task does work of its own, which is not ours to cancel: the next wait tells it.
        self._passed = kind
        if self._task is not None:
            self._task.cancel()

    def _sentence(self) -> str:
        if self._passed == "idle":
            return f"no event for {self._idle_seconds:g} seconds"
        return f"not done after {self._total_seconds:g} seconds"
