"""One HTTP/1.1 response as it arrives: bytes go in from the socket, head and body come out to one reader.

The cost of a token is the cost of this file, so `feed` does little, and what it does not need it does not look at.
"""

import asyncio

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser

__all__ = ["BrokenResponse", "HttpResponse"]

_HELD_BYTES = 2**16


class BrokenResponse(Exception):
    """The server sent no HTTP, or ended before the response did."""


class HttpResponse:
    """The response to one request. `headers` are raw, in the server's order; the status is None until all are here.

    Whatever the server sends, little of it is held: above 64 KiB that nobody read the socket rests, and 64 KiB that
    are neither a head's end nor a piece of the body (headers, 1xx responses, trailers, chunk extensions) are refused.
    The socket's last read, at most 256 KiB, comes on top of both.
    """

    __slots__ = (
        "_ends_with_connection",
        "_error",
        "_head_bytes",
        "_held_bytes",
        "_is_paused",
        "_loop",
        "_parser",
        "_pieces",
        "_transport",
        "_waiter",
        "headers",
        "is_complete",
        "keeps_alive",
        "on_body",
        "status_code",
    )

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []
        self.on_body = self._pieces.append  # called by the parser, straight from C to C
        self._held_bytes = 0  # raw ones, since somebody last read
        self._head_bytes = 0
        self._is_paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._ends_with_connection = True
        self.status_code: int | None = None
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_complete = False
        self.keeps_alive = False
        # It refers to us and we to it: `_end` parts them, so that no garbage collection is needed.
        self._parser: HttpResponseParser | None = HttpResponseParser(self)

    async def head(self) -> None:
        """Waits until status and headers are here.

        Raises:
            BrokenResponse: no HTTP, or the connection ended before.
            OSError: the connection broke.
        """
        while self.status_code is None:
            if self._error is not None:
                raise self._error
            await self._wait()

    async def read(self) -> bytes:
        """What has come of the body, at least a byte; empty at its end.

        Raises:
            BrokenResponse: the chunks are not well formed, or the connection ended before the body.
            OSError: the connection broke.
        """
        pieces = self._pieces
        while not pieces:
            if self._error is not None:
                raise self._error
            if self.is_complete:
                return b""
            await self._wait()
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._held_bytes = 0
        if self._is_paused:
            self._resume()
        return body

    def feed(self, data: bytes) -> None:
        """Bytes from the socket. Those after the end of the response end the connection: nobody asked for them."""
        parser = self._parser
        if parser is None:
            self.keeps_alive = False
            self._transport.abort()
            return
        try:
            parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as exc:
            self.keeps_alive = False
            self.fail(_broken(exc))
        self._held_bytes += len(data)
        if self.is_complete:
            self._end()
        elif self._held_bytes > _HELD_BYTES:
            self._hold()
        elif self._pieces:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more will come. This completes a body that has no other end."""
        if self._parser is None:
            return
        if exc is not None:
            self.fail(exc)
        elif self.status_code is None:
            self.fail(BrokenResponse("the server closed the connection before its response"))
        elif self._ends_with_connection:
            self.is_complete = True
            self._end()
        else:
            self.fail(BrokenResponse("the server closed the connection in the middle of its response"))

    def fail(self, error: Exception) -> None:
        """Ends an incomplete response, and its connection; the reader gets what came before, then the error."""
        if self._parser is not None and not self.is_complete:
            self._error = error
            self._transport.abort()
            self._end()

    def on_message_begin(self) -> None:
        """Called by the parser."""
        if self.is_complete:
            raise BrokenResponse("a second response")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser, for trailers too."""
        if self.status_code is not None:
            return
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > _HELD_BYTES:
            raise BrokenResponse(f"headers above {_HELD_BYTES} bytes")
        self.headers.append((name, value))
        name = name.lower()
        if name == b"content-length":
            self._ends_with_connection = False
        elif name == b"transfer-encoding":
            if value.strip().lower() != b"chunked":
                raise BrokenResponse("a transfer-encoding that is not chunked")
            self._ends_with_connection = False

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        assert self._parser is not None  # noqa: S101 narrows the type for mypy
        status = self._parser.get_status_code()
        if 100 <= status < 200:  # noqa: PLR2004 HTTP's own numbers
            self.headers.clear()
            self._ends_with_connection = True
            return
        self.status_code = status
        self._wake()

    def on_message_complete(self) -> None:
        """Called by the parser, after a 1xx response too."""
        if self.status_code is not None:
            assert self._parser is not None  # noqa: S101 narrows the type for mypy
            self.is_complete = True
            self.keeps_alive = self._parser.should_keep_alive()

    def _hold(self) -> None:
        if not self._pieces:
            self.fail(BrokenResponse(f"{_HELD_BYTES} bytes without a piece of the body"))
        elif self._parser is not None:
            self._wake()
            if not self._is_paused:
                self._is_paused = True
                self._transport.pause_reading()

    def _resume(self) -> None:
        self._is_paused = False
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _end(self) -> None:
        self._parser = None
        if self._is_paused:
            self._resume()  # the connection may serve the next call while nobody has read this response yet
        self._wake()

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _broken(exc: Exception) -> BrokenResponse:
    reason = exc.__context__ if isinstance(exc, HttpParserCallbackError) else exc  # the context is an error of ours
    error = BrokenResponse(f"this is no HTTP/1.1: {reason}")
    error.__cause__ = exc
    return error
