"""Stopping aiokafka's consumers, which need some help with it."""

import asyncio
from typing import Any

from streamproc.kafka.producer import within

__all__ = ["stop_consumer"]


async def stop_consumer(consumer: Any, seconds: float) -> None:
    """Stops a consumer, and waits for each step no longer than this."""
    try:
        await within(seconds, consumer.stop())
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        # aiokafka 0.14 cancels a fetch that waits to be tried again and is cut off by that itself (`Fetcher.close`):
        # its connections stay open, and whoever stops it would take the cancellation for one of his own.
        await within(seconds, consumer._client.close())  # noqa: SLF001 aiokafka closes it only after the fetches
