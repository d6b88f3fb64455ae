"""A pool and the server it connects to, for the tests of the HTTP engine."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from streamproc.providers.http_connect import Connect
from streamproc.providers.http_connection import HttpConnection
from streamproc.providers.http_pool import HttpPool
from tests.fakes import eventually

__all__ = ["ASK", "OK", "Server", "a_pool", "ask"]

ASK = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Server:
    """Answers each request that it reads with the same bytes."""

    def __init__(self) -> None:
        self.answer = OK
        self.writers: list[asyncio.StreamWriter] = []
        self.open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        self.open += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(self.answer)
        self.open -= 1
        writer.close()


@asynccontextmanager
async def a_pool(
    *,
    max_connections: int = 2,
    idle_seconds: float = 60,
    connect: Callable[[], Awaitable[HttpConnection]] | None = None,
) -> AsyncIterator[tuple[HttpPool, Server]]:
    """A pool and the server it connects to; both are closed at the end, and no connection is left."""
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    pool = HttpPool(
        connect or Connect("127.0.0.1", port, None), max_connections=max_connections, idle_seconds=idle_seconds
    )
    try:
        yield pool, server
    finally:
        await pool.aclose()
        assert not pool._open
        listening.close()
        await eventually(lambda: server.open == 0)


async def ask(pool: HttpPool) -> tuple[HttpConnection, bytes]:
    """One request; the connection is not given back."""
    connection = await pool.lease(5)
    response = connection.request(ASK)
    await response.head()
    body = b""
    while piece := await response.read():
        body += piece
    return connection, body
