"""One connection to a server, for one request at a time."""

import asyncio
import select
import sys
from typing import cast

from streamproc.providers.http_response import HttpResponse

__all__ = ["HttpConnection"]


class HttpConnection(asyncio.Protocol):
    """Sends requests one after the other; `lost` is done when the socket is closed."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport
        self._response: HttpResponse | None = None
        self._poll: select.poll | None = None  # of its own socket; asked only before the transport closes
        self.lost: asyncio.Future[None] = loop.create_future()

    def request(self, data: bytes) -> HttpResponse:
        """Sends a whole request, while the response, which may come before the last byte is gone, is read."""
        self._response = response = HttpResponse(self._transport, self._loop)
        if self._transport.is_closing():
            response.fail(ConnectionResetError("the connection was lost before the request"))
        else:
            self._transport.write(data)
        return response

    @property
    def is_reusable(self) -> bool:
        """Whether the last response is over to its last byte, and neither side wants to close."""
        return (
            self._response is not None
            and self._response.is_complete
            and self._response.keeps_alive
            and not self._transport.is_closing()
            and self._transport.get_write_buffer_size() == 0
        )

    def is_quiet(self) -> bool:
        """Whether nothing waits to be read, neither an end nor bytes that nobody asked for; asks the system.

        The loop tells only after a turn of its own that a server hung up. A request sent before that would be lost,
        and look like one that may have cost money.
        """
        if not self.is_reusable:
            return False
        if self._poll is None:
            return sys.platform == "win32"  # where the system cannot be asked
        return not self._poll.poll(0)

    def abort(self) -> None:
        """Closes the socket without waiting for anything; a response that is on its way fails."""
        if self._response is not None:
            self._response.fail(ConnectionAbortedError("the connection was closed on our side"))
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        # A cast and no check: the transport of uvloop has the interface, but not the class.
        self._transport = cast("asyncio.Transport", transport)
        sock = self._transport.get_extra_info("socket")
        if sock is not None and sys.platform != "win32":
            self._poll = select.poll()
            self._poll.register(sock.fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        if self._response is None:
            self._transport.abort()  # a server that speaks first speaks another protocol
        else:
            self._response.feed(data)

    def eof_received(self) -> None:
        """Called by the loop: the server says nothing more, so what we still had to say is in vain."""
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._poll = None  # the number of the socket may soon be another one's
        if self._response is not None:
            self._response.connection_lost(exc)
        self.lost.set_result(None)
