"""Stopping aiokafka's clients, which need some help with it."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

from aiokafka.errors import KafkaError

__all__ = ["stop_consumer", "stop_producer", "within"]

_CLOSE_SECONDS = 2.0


async def within(seconds: float, ending: Awaitable[object]) -> None:
    """Awaits the end of a client of ours, but no longer than this: with Kafka away it would never come."""
    with suppress(KafkaError, TimeoutError):
        await asyncio.wait_for(ending, seconds)


async def stop_producer(producer: Any, seconds: float) -> None:
    """Gives what was handed over so much time to be stored, and disconnects in any case.

    Called once more after it was cut off, it goes on with what is left.
    """
    try:
        await within(seconds, producer.stop())
    finally:
        # A stop that ran out of time, or was cut off, leaves sender and sockets behind: aiokafka closes them only
        # after a flush.
        try:
            await within(_CLOSE_SECONDS, producer._sender.close())  # noqa: SLF001 see above
        finally:
            await within(_CLOSE_SECONDS, producer.client.close())


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
