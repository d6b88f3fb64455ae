"""Planned calls, so that sessions and transactions can run out without anybody waiting for them."""

import asyncio
from collections.abc import Callable
from typing import Protocol

__all__ = ["CallLater", "Timer", "Timers"]


class Timer(Protocol):
    """A call that is planned, as `asyncio.TimerHandle`."""

    def cancel(self) -> None:
        """Plans it no more."""
        ...


CallLater = Callable[[float, Callable[[], None]], Timer]
"""Plans a call in so many seconds, in the broker's event loop."""


class Timers:
    """All planned calls of one broker, in the running event loop."""

    def __init__(self) -> None:
        self._planned: set[_Planned] = set()

    def __len__(self) -> int:
        return len(self._planned)

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Plans a call; see `CallLater`."""
        return _Planned(self._planned, seconds, call)

    def cancel(self) -> None:
        """Plans nothing any more."""
        for planned in list(self._planned):
            planned.cancel()


class _Planned:
    def __init__(self, others: set["_Planned"], seconds: float, call: Callable[[], None]) -> None:
        self._others = others
        self._call = call
        self._handle = asyncio.get_running_loop().call_later(seconds, self._run)
        others.add(self)

    def cancel(self) -> None:
        self._others.discard(self)
        self._handle.cancel()

    def _run(self) -> None:
        self._others.discard(self)
        self._call()
