"""Time as an argument, so that rules about time are tested without waiting."""

from typing import Protocol

__all__ = ["Clock"]


class Clock(Protocol):
    """Wall time, monotonic time and sleeping."""

    def time(self) -> float:
        """Unix time in seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        ...
