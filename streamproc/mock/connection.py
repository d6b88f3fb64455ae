"""One client connection: h11 reads the requests, the answers are bytes of our own.

h11 only parses, because faults need exact bytes and an event must cost next to nothing. So every request gets a fresh
parser, which takes over what the former one had read ahead.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import cast

import h11

from streamproc.mock.answering import Answering, Generation
from streamproc.mock.api_error import ApiError
from streamproc.mock.dialects import OPENAI
from streamproc.mock.disturbed import start_answering
from streamproc.mock.faults.draft import Ending
from streamproc.mock.response import Reply, render_reply
from streamproc.mock.ticker import Ticker

__all__ = ["Connection", "Respond"]

_MAX_HEAD_BYTES = 64 * 1024
_MAX_BODY_BYTES = 64 * 2**20
_NO_LINGERING = struct.pack("ii", 1, 0)  # on, for no time: closing sends a reset instead of an end

Respond = Callable[[str, str, bytes, str | None], Reply | Generation]
"""Method, target, body and `X-Client-Request-Id` of a request in; a reply at once, or an answer that takes its time."""


class Connection(asyncio.Protocol):
    """Answers one request after the other; those behind it wait unread in the parser."""

    def __init__(self, respond: Respond, ticker: Ticker, connections: set["Connection"]) -> None:
        self._respond = respond
        self._ticker = ticker
        self._connections = connections
        self._transport: asyncio.Transport
        self._answering: Answering | None = None
        self._is_paused = False
        self._next_request(read_ahead=b"")

    def _next_request(self, read_ahead: bytes) -> None:
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD_BYTES)
        if read_ahead:
            self._parser.receive_data(read_ahead)
        self._request: h11.Request | None = None
        self._body = bytearray()
        self._keeps_alive = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Joins the open connections."""
        # A cast and no check: the transport of uvloop has the interface, but not the class.
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the answer that is on its way."""
        del exc
        self._connections.discard(self)
        if self._answering is not None:
            self._answering.stop()
            self._answering = None

    def abort(self) -> None:
        """Closes at once; what was not sent yet is lost."""
        self._transport.abort()

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self._is_paused = True
        if self._answering is not None:
            self._answering.pause()

    def resume_writing(self) -> None:
        """The client caught up."""
        self._is_paused = False
        if self._answering is not None:
            self._answering.resume()

    def data_received(self, data: bytes) -> None:
        """Takes bytes of requests. Reading never pauses: that is how a disconnect is noticed at once."""
        self._parser.receive_data(data)
        self._advance()

    def _advance(self) -> None:
        while self._answering is None and not self._transport.is_closing():
            try:
                event = self._parser.next_event()
            except h11.RemoteProtocolError as exc:
                self._refuse(exc.error_status_hint, str(exc))
                return
            if isinstance(event, h11.Request):
                self._request = event
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > _MAX_BODY_BYTES:
                    self._refuse(413, "the body is too large")
            elif isinstance(event, h11.EndOfMessage):
                self._answer()
            else:
                if self._parser.they_are_waiting_for_100_continue:
                    go_on = h11.InformationalResponse(status_code=100, headers=[])
                    self._transport.write(self._parser.send(go_on) or b"")
                return

    def _refuse(self, status: int, sentence: str) -> None:
        body = OPENAI.render(ApiError(status, "bad_http", "invalid_request_error", sentence), None)
        self._transport.write(render_reply(Reply(status, body), keeps_alive=False))
        self._transport.close()

    def _answer(self) -> None:
        request = self._request
        assert request is not None  # noqa: S101 h11 gives no end without a request
        wishes = b",".join(value for name, value in request.headers if name == b"connection").lower()
        self._keeps_alive = request.http_version == b"1.1" and b"close" not in wishes
        name = next((value for name, value in request.headers if name == b"x-client-request-id"), None)
        response = self._respond(
            request.method.decode("ascii"),
            request.target.decode("ascii"),
            bytes(self._body),
            None if name is None else name.decode("latin-1"),
        )
        if isinstance(response, Reply):
            self._transport.write(render_reply(response, keeps_alive=self._keeps_alive))
            self._go_on_or_close()
            return
        self._answering = start_answering(
            response, self._transport, self._ticker, self._answer_ended, keeps_alive=self._keeps_alive
        )
        if self._is_paused:
            self._answering.pause()

    def _answer_ended(self, ending: Ending) -> None:
        self._answering = None
        if ending == "reset":
            self._reset()
            return
        self._keeps_alive = self._keeps_alive and ending == "keep"
        self._go_on_or_close()
        self._advance()

    def _reset(self) -> None:
        connection: socket.socket = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
        self._transport.abort()

    def _go_on_or_close(self) -> None:
        if self._keeps_alive:
            self._next_request(read_ahead=self._parser.trailing_data[0])
        else:
            self._transport.close()
