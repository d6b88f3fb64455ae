"""An httpx transport on our own connections: httpx's interface and exceptions at a fraction of its pool's CPU.

It raises what httpx's own transport raises for the same fault, because the exception tells whether the call may have
cost money.
"""

import asyncio
import ssl
from collections.abc import Callable

import httpx

from streamproc.providers.http_connect import Connect
from streamproc.providers.http_pool import HttpPool, NoneFree
from streamproc.providers.http_response import BrokenResponse, HttpResponse

__all__ = ["HttptoolsTransport"]

_IDLE_SECONDS = 15


class HttptoolsTransport(httpx.AsyncBaseTransport):
    """Sends requests to one server over at most `max_connections` connections, without cookies, redirects or proxies.

    Of a request's timeouts it knows `connect` (waiting for a free connection included) and `read`, which bounds the
    time from sending to the headers only. A POST or GET is understood; a HEAD would wait for a body.
    """

    def __init__(self, url: httpx.URL, *, max_connections: int, keep_alive: bool = True) -> None:
        """Opens no connection yet.

        Args:
            url: any of the server; requests are for this scheme, host and port, and their URLs only give the path.
            max_connections: in use at once.
            keep_alive: whether a connection is used again.
        """
        tls = None
        if url.scheme == "https":
            tls = ssl.create_default_context()
            tls.set_alpn_protocols(["http/1.1"])
        connect = Connect(url.raw_host.decode("ascii"), url.port or (80 if tls is None else 443), tls)
        self._pool = HttpPool(connect, max_connections=max_connections, idle_seconds=_IDLE_SECONDS if keep_alive else 0)

    def __repr__(self) -> str:
        return f"<HttptoolsTransport {self._pool}>"

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends the request and waits for the headers.

        Raises:
            httpx.TransportError: as httpx's own transport would.
        """
        timeout = request.extensions["timeout"]
        data = _rendered(request, await request.aread())
        try:
            connection = await self._pool.lease(timeout["connect"])
        except NoneFree as exc:
            raise httpx.PoolTimeout(str(exc), request=request) from exc
        except TimeoutError as exc:
            raise httpx.ConnectTimeout(str(exc) or "no connection in time", request=request) from exc
        except OSError as exc:  # refused, unknown host, TLS
            raise httpx.ConnectError(str(exc) or type(exc).__name__, request=request) from exc
        try:
            response = connection.request(data)
            async with asyncio.timeout(timeout["read"]):
                await response.head()
        except BaseException as exc:
            self._pool.release(connection)
            if isinstance(exc, (OSError, BrokenResponse)):
                raise _as_httpx(exc, request) from exc
            raise
        assert response.status_code is not None  # noqa: S101 narrows the type for mypy
        release = self._pool.release
        body = _Body(response, request, lambda: release(connection))
        return httpx.Response(response.status_code, headers=response.headers, stream=body)

    async def aclose(self) -> None:
        """Closes all connections, also those in use."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    """The response's body as it arrives. Closing it before its end closes the connection."""

    def __init__(self, response: HttpResponse, request: httpx.Request, release: Callable[[], None]) -> None:
        self._response = response
        self._request = request
        self._release: Callable[[], None] | None = release

    def __aiter__(self) -> "_Body":
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._response.read()
        except (OSError, BrokenResponse) as exc:
            raise _as_httpx(exc, self._request) from exc
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        if self._release is not None:
            self._release()
            self._release = None


def _rendered(request: httpx.Request, body: bytes) -> bytes:
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    lines += [b"%b: %b" % header for header in request.headers.raw]
    return b"\r\n".join([*lines, b"", body])


def _as_httpx(exc: OSError | BrokenResponse, request: httpx.Request) -> httpx.TransportError:
    """The exception of httpx for a fault after the request was sent."""
    if isinstance(exc, TimeoutError):
        return httpx.ReadTimeout(str(exc) or "no response in time", request=request)
    if isinstance(exc, OSError):  # reset
        return httpx.ReadError(str(exc) or type(exc).__name__, request=request)
    return httpx.RemoteProtocolError(str(exc), request=request)
