"""The engine of our own: requests over the connections of one pool, with nothing between them and the bytes."""

import asyncio
import ssl
from collections.abc import Iterable, Mapping

from streamproc.providers.http_connect import Connect
from streamproc.providers.http_connection import HttpConnection
from streamproc.providers.http_pool import HttpPool, PoolState
from streamproc.providers.http_response import HttpResponse
from streamproc.providers.transport_engine import Asked, NothingSent

__all__ = ["HttptoolsEngine"]

_IDLE_SECONDS = 15


class HttptoolsEngine:
    """Sends requests to one server over at most `max_connections` connections, without redirects or proxies."""

    def __init__(
        self, host: str, port: int, *, tls: ssl.SSLContext | None, max_connections: int, keep_alive: bool = True
    ) -> None:
        """Opens no connection yet.

        Args:
            host: name or address.
            port: of TCP.
            tls: None for plain text.
            max_connections: in use at once.
            keep_alive: whether a connection is used again.
        """
        if tls is not None:
            tls.set_alpn_protocols(["http/1.1"])
        connect = Connect(host, port, tls)
        self._pool = HttpPool(connect, max_connections=max_connections, idle_seconds=_IDLE_SECONDS if keep_alive else 0)

    def __repr__(self) -> str:
        return f"<HttptoolsEngine {self._pool}>"

    @property
    def state(self) -> PoolState:
        """Its connections in numbers."""
        return self._pool.state

    async def send(self, asked: Asked) -> "_Response":
        """Sends a request and waits for the headers of its response.

        Raises:
            NothingSent: the server cannot know of the request.
            BrokenResponse: the connection ended before the headers, or what came is no HTTP.
            OSError: the connection broke, or the headers did not come in time (TimeoutError).
        """
        try:
            connection = await self._pool.lease(asked.connect_seconds)
        except TimeoutError as exc:
            raise NothingSent(str(exc) or "no connection in time") from exc
        except OSError as exc:  # refused, unknown host, TLS
            raise NothingSent(str(exc) or type(exc).__name__) from exc
        try:
            response = connection.request(_rendered(asked))
            if asked.first_byte_seconds is None:
                await response.head()
            else:
                async with asyncio.timeout(asked.first_byte_seconds):
                    await response.head()
        except BaseException:
            self._pool.release(connection)
            raise
        return _Response(response, connection, self._pool)

    async def aclose(self) -> None:
        """Closes all connections, also those in use."""
        await self._pool.aclose()


class _Response:
    """A response whose headers are here, and the connection it comes over."""

    __slots__ = ("_connection", "_pool", "headers", "read", "status_code")

    def __init__(self, response: HttpResponse, connection: HttpConnection, pool: HttpPool) -> None:
        assert response.status_code is not None  # noqa: S101 narrows the type for mypy
        self.status_code: int = response.status_code
        self.headers: Mapping[str, str] = _by_name(response.headers)
        self.read = response.read
        self._pool = pool
        self._connection: HttpConnection | None = connection

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.release(connection)


def _rendered(asked: Asked) -> bytes:
    lines = [b"POST %b HTTP/1.1" % asked.target, *map(b": ".join, asked.headers), b"", asked.body]
    return b"\r\n".join(lines)


def _by_name(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers
