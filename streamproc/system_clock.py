"""The clock of this machine."""

import asyncio
import time

__all__ = ["SystemClock"]


class SystemClock:
    """The real time."""

    def time(self) -> float:
        """Unix time in seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)
