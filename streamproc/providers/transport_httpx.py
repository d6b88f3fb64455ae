"""httpx's own transport as an engine, for HTTP/2: the only place where requests are objects of httpx."""

import importlib.util
import ssl
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager

import httpx

from streamproc.providers.http_response import BrokenResponse
from streamproc.providers.transport_engine import Asked, NothingSent

__all__ = ["HttpxEngine"]

_NOTHING_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class HttpxEngine:
    """Sends requests to one server; over HTTP/2 with the extra `http2` installed, where the server speaks it."""

    def __init__(
        self,
        url: str,
        *,
        tls: ssl.SSLContext | None,
        proxy: str | None = None,
        proxy_login: tuple[str, str] | None = None,
        max_connections: int,
        keep_alive: bool = True,
    ) -> None:
        """Opens no connection yet.

        Args:
            url: any of the server.
            tls: None for plain text.
            proxy: URL of an HTTP proxy, or None; variables of the environment are not looked at.
            proxy_login: our name and password there.
            max_connections: in use at once.
            keep_alive: whether a connection is used again.
        """
        self._url = httpx.URL(url)
        self._transport = httpx.AsyncHTTPTransport(
            http2=importlib.util.find_spec("h2") is not None,
            trust_env=False,
            verify=tls or True,
            proxy=None if proxy is None else httpx.Proxy(proxy, auth=proxy_login),
            # With fewer kept than open ones, httpx would reconnect all the time.
            limits=httpx.Limits(
                max_connections=max_connections, max_keepalive_connections=max_connections if keep_alive else 0
            ),
        )

    def __repr__(self) -> str:
        return f"<HttpxEngine {self._url.host}>"

    @property
    def state(self) -> None:
        """Not known: httpx tells nobody."""
        return

    async def send(self, asked: Asked) -> "_Response":
        """Sends a request and waits for the headers of its response.

        Raises:
            NothingSent: the server cannot know of the request.
            BrokenResponse: the connection ended or broke before the headers, or what came is no HTTP.
            TimeoutError: the headers did not come in time.
        """
        timeouts = {
            "connect": asked.connect_seconds,
            "pool": asked.connect_seconds,
            "write": asked.first_byte_seconds,
            "read": asked.first_byte_seconds,
        }
        request = httpx.Request(
            "POST",
            self._url.copy_with(raw_path=asked.target),
            headers=list(asked.headers),
            stream=httpx.ByteStream(asked.body),
            extensions={"timeout": timeouts},
        )
        with _faults():
            response = await self._transport.handle_async_request(request)
        # A deadline per read would count from the last bytes; ours counts from the last event.
        timeouts["read"] = None
        return _Response(response)

    async def aclose(self) -> None:
        """Closes all connections. End the calls first: one that still runs may notice only by its deadlines."""
        await self._transport.aclose()


class _Response:
    def __init__(self, response: httpx.Response) -> None:
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 narrows the type for mypy
        self.status_code = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._stream = response.stream
        self._chunks = response.stream.__aiter__()

    async def read(self) -> bytes:
        with _faults():
            async for chunk in self._chunks:
                if chunk:
                    return chunk
        return b""

    async def aclose(self) -> None:
        if isinstance(self._chunks, AsyncGenerator):
            await self._chunks.aclose()
        await self._stream.aclose()


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except httpx.HTTPError as exc:
        sentence = str(exc) or type(exc).__name__
        if isinstance(exc, _NOTHING_SENT):
            raise NothingSent(sentence) from exc
        if isinstance(exc, httpx.TimeoutException):
            raise TimeoutError(sentence) from exc
        raise BrokenResponse(sentence) from exc
