"""An httpx transport on aiohttp's connections: httpx's interface and exceptions at a fraction of its pool's CPU.

It raises what httpx's own transport raises for the same fault, because the exception tells whether the call may have
cost money. One difference stays: aiohttp's parser goes silent on a broken chunk in mid-stream, so whoever reads needs
a deadline of its own.
"""

import select
import socket
from typing import TYPE_CHECKING

import aiohttp
import httpx
from yarl import URL

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

__all__ = ["AiohttpTransport"]

_READ_BYTES = 2**16
_KEEPALIVE_SECONDS = 15


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Sends requests over at most `max_connections` connections, with no cookies, redirects or proxies.

    Of the request's timeouts it knows `connect` (waiting for a free connection included) and `read`, which bounds the
    wait for the headers only.
    """

    def __init__(self, *, max_connections: int, keep_alive: bool = True) -> None:
        self._max_connections = max_connections
        self._keep_alive = keep_alive
        self._session: aiohttp.ClientSession | None = None
        self._open = 0  # requests that hold a connection or wait for one

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends the request and waits for the headers.

        Raises:
            httpx.TransportError: as httpx's own transport would.
        """
        session = self._session or self._start()
        if session.closed:
            raise httpx.ConnectError("the client is closed", request=request)
        timeout = request.extensions["timeout"]
        is_crowded = self._open >= self._max_connections
        self._open += 1
        try:
            response = await session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=[(name.decode("ascii"), value.decode("latin-1")) for name, value in request.headers.raw],
                data=await request.aread(),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(connect=timeout["connect"], sock_read=timeout["read"]),
            )
        except BaseException as exc:
            self._open -= 1
            if is_crowded and isinstance(exc, aiohttp.ConnectionTimeoutError):
                raise httpx.PoolTimeout("no connection became free in time", request=request) from exc
            if isinstance(exc, (aiohttp.ClientError, OSError)):
                raise _as_httpx(exc, request) from exc
            raise
        if response.connection is not None and response.connection.protocol is not None:
            # The headers are here; starting the timer anew without a time stops it.
            response.connection.protocol.read_timeout = None
            response.connection.protocol.start_timeout()
        return httpx.Response(response.status, headers=response.raw_headers, stream=_Body(response, request, self))

    async def aclose(self) -> None:
        """Closes all connections, also those in use."""
        if self._session is not None:
            await self._session.close()

    def body_closed(self) -> None:
        """A response gave its connection back."""
        self._open -= 1

    def _start(self) -> aiohttp.ClientSession:
        # Not in the constructor: a session belongs to the loop that runs when it is made.
        self._session = aiohttp.ClientSession(
            connector=(
                _Pool(limit=self._max_connections, keepalive_timeout=_KEEPALIVE_SECONDS)
                if self._keep_alive
                else aiohttp.TCPConnector(limit=self._max_connections, force_close=True)
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            read_bufsize=_READ_BYTES,
        )
        return self._session


class _Pool(aiohttp.TCPConnector):
    """A pool that looks at a connection before it uses it again.

    aiohttp knows that a server hung up only after a turn of its loop. A request sent before that would be lost, and
    look like one that may have cost money.
    """

    async def connect(
        self,
        req: "ClientRequest",
        traces: "list[Trace]",
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 the signature of aiohttp
    ) -> "Connection":
        """A connection on which nothing waits to be read, neither an end nor bytes that nobody asked for."""
        while True:
            connection = await super().connect(req, traces, timeout)
            if connection.transport is None or not _is_readable(connection.transport.get_extra_info("socket")):
                return connection
            connection.close()


def _is_readable(sock: socket.socket | None) -> bool:
    if not hasattr(select, "poll"):  # Windows
        return False
    if sock is None or sock.fileno() < 0:
        return True  # closed under us: as good as ended
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return bool(poll.poll(0))


class _Body(httpx.AsyncByteStream):
    """The response's body as it arrives. Closing it before its end closes the connection."""

    def __init__(self, response: aiohttp.ClientResponse, request: httpx.Request, owner: AiohttpTransport) -> None:
        self._response = response
        self._content = response.content
        self._request = request
        self._owner: AiohttpTransport | None = owner
        self._protocol = None if response.connection is None else response.connection.protocol
        # After every read aiohttp wakes a connection that never slept, which runs its parser once more: a tenth of
        # all CPU of a stream of tokens. Below this mark it leaves that to us; `__anext__` wakes one that does sleep.
        self._content._low_water = 0  # noqa: SLF001 aiohttp has no public setting for it

    def __aiter__(self) -> "_Body":
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._content.readany()
        except (aiohttp.ClientError, OSError) as exc:
            raise _as_httpx(exc, self._request) from exc
        except RuntimeError as exc:  # aiohttp's word for reading from a connection that was closed on our side
            raise httpx.ReadError(str(exc), request=self._request) from exc
        if not chunk:
            raise StopAsyncIteration
        protocol = self._protocol
        # Without a connection of its own the response is whole, and another request may have that connection by now.
        if protocol is not None and protocol._reading_paused and self._response.connection is not None:  # noqa: SLF001 nor a public way to ask
            protocol.resume_reading()
        return chunk

    async def aclose(self) -> None:
        self._response.close()
        if self._owner is not None:
            self._owner.body_closed()
            self._owner = None


def _as_httpx(exc: aiohttp.ClientError | OSError, request: httpx.Request) -> httpx.TransportError:
    """The exception of httpx for the same fault, the narrower classes of aiohttp first."""
    fault: type[httpx.TransportError]
    if isinstance(exc, aiohttp.ConnectionTimeoutError):
        fault = httpx.ConnectTimeout
    elif isinstance(exc, TimeoutError):
        fault = httpx.ReadTimeout
    elif isinstance(exc, aiohttp.ClientConnectorError):  # refused, unknown host, TLS
        fault = httpx.ConnectError
    elif isinstance(exc, OSError):  # reset
        fault = httpx.ReadError
    elif isinstance(exc, aiohttp.InvalidURL):
        fault = httpx.UnsupportedProtocol
    else:  # closed too early, or no HTTP
        fault = httpx.RemoteProtocolError
    return fault(str(exc) or type(exc).__name__, request=request)
