"""A consumer that trips over itself while it stops."""

import asyncio

import pytest

from streamproc.kafka.stopping import stop_consumer


class Tripping:
    """As aiokafka's consumer: it cancels a task of its own and awaits it; its client is closed after that."""

    def __init__(self) -> None:
        self._client = self
        self.closed = 0

    async def stop(self) -> None:
        """Never comes to its end."""
        fetch = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
        fetch.cancel()
        await fetch
        await self.close()

    async def close(self) -> None:
        """Counts."""
        self.closed += 1


async def test_a_fetch_that_is_cut_off_does_not_cut_off_the_stop() -> None:
    """A worker that stopped while a broker was away ended with a cancellation nobody had asked for, sockets open."""
    consumer = Tripping()
    await stop_consumer(consumer, 5)
    assert consumer.closed == 1


async def test_a_cancellation_from_outside_goes_on() -> None:
    """Whoever is cancelled while he stops a consumer stays cancelled."""

    class Slow(Tripping):
        async def stop(self) -> None:
            await asyncio.sleep(60)

    stopping = asyncio.create_task(stop_consumer(Slow(), 60))
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
