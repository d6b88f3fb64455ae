"""The clock of this machine."""

import asyncio
from time import monotonic, time

__all__ = ["SystemClock"]


class SystemClock:
    """The real time. Each request reads it twenty times, so `time` and `monotonic` are the machine's own functions."""

    time = staticmethod(time)
    monotonic = staticmethod(monotonic)

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)
