"""The clock of ledgers whose store is elsewhere. The chain's own clocks fit."""

from typing import Protocol

__all__ = ["Clock"]


class Clock(Protocol):
    """Time, as it is known to one process."""

    def time(self) -> float:
        """Unix time in seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow; they may stand still while the machine sleeps."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        ...
