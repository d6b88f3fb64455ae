"""The seam below the transport: what an HTTP engine is told, what it gives, and how it fails.

A failure says one thing above all: whether the request can have reached the provider, and so may have cost money.
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from streamproc.providers.http_pool import PoolState

__all__ = ["Asked", "Engine", "NothingSent", "Response"]


class NothingSent(Exception):
    """There was no connection to send the request over: refused, unknown, untrusted, or none free in time."""


class Asked(NamedTuple):
    """A POST.

    Attributes:
        target: path and query, as they stand in the request line.
        headers: all of them, `host` and `content-length` included; names in lower case.
        body: the whole of it.
        connect_seconds: how long to wait for a connection, be it a free one or a new one.
        first_byte_seconds: how long to wait for the response's headers; None is for ever.
    """

    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    connect_seconds: float
    first_byte_seconds: float | None


class Response(Protocol):
    """The response to one request. `headers` are looked up in lower case; repeated ones are joined."""

    status_code: int
    headers: Mapping[str, str]

    async def read(self) -> bytes:
        """What has come of the body, at least a byte; empty at its end.

        Raises:
            BrokenResponse: the connection ended before the body, or what came is no HTTP.
            OSError: the connection broke.
        """
        ...

    async def aclose(self) -> None:
        """Gives the connection back; before the end of the body it is closed. Twice does no harm."""
        ...


class Engine(Protocol):
    """Sends requests to one server, each once. Its `repr` shows its connections."""

    @property
    def state(self) -> PoolState | None:
        """Its connections in numbers, read in any thread; None when it does not know."""
        ...

    async def send(self, asked: Asked) -> Response:
        """Sends a request and waits for the headers of its response.

        Raises:
            NothingSent: the server cannot know of the request.
            BrokenResponse: the connection ended before the headers, or what came is no HTTP.
            OSError: the connection broke, or the headers did not come in time (TimeoutError).
        """
        ...

    async def aclose(self) -> None:
        """Closes all connections, also those in use."""
        ...
