"""One address for several Redis servers, as a service or a balancer gives it: it leads to one of them at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.servers.redis import Redis

__all__ = ["RedisAddress", "redis_address"]


class RedisAddress:
    """`url` is the address."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._links: set[asyncio.Task[None]] = set()
        self.url = ""

    async def lead_to(self, redis: Redis) -> None:
        """From now on; who is connected is cut off."""
        self._redis = redis
        await self.cut()

    async def cut(self) -> None:
        """Cuts off who is connected."""
        links, self._links = self._links, set()
        for link in links:
            link.cancel()
        if links:
            await asyncio.wait(links)

    async def link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A client connects."""
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        there, to = await asyncio.open_connection("127.0.0.1", self._redis.port)
        try:
            with suppress(OSError, asyncio.CancelledError):
                await asyncio.gather(_carry(reader, to), _carry(there, writer))
        finally:
            writer.close()
            to.close()
            self._links.discard(task)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def redis_address(redis: Redis) -> AsyncIterator[RedisAddress]:
    """An address that leads to this server at first."""
    address = RedisAddress(redis)
    server = await asyncio.start_server(address.link, "127.0.0.1", 0)
    address.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    try:
        yield address
    finally:
        server.close()
        await address.cut()
