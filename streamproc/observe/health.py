"""The metrics and health port: `/metrics`, `/healthz` and `/readyz`, in a thread beside the event loop.

It answers while the event loop is busy or stuck, which is when somebody asks. A slow client costs a thread for a
while, never the next probe: there is a bound of connections, and at the bound the oldest one gives way.
"""

import errno
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Lock, Thread
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from streamproc.errors import SetupError

__all__ = ["MAX_CONNECTIONS", "HealthServer", "start_health_server"]

MAX_CONNECTIONS = 32
"""Connections that are served at once; a further one takes the place of the oldest."""

_POLL_SECONDS = 0.2  # how long close() may wait for the serving thread

Check = Callable[[], str | None]


class HealthServer:
    """A running port. `close()` may be called more than once."""

    def __init__(self, server: "_Server") -> None:
        self.port: int = server.server_address[1]
        self._server = server
        self._thread = Thread(
            target=partial(server.serve_forever, _POLL_SECONDS), name="streamproc-health", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Frees the port and cuts open connections; blocks for a fifth of a second at most."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def start_health_server(
    host: str,
    port: int,
    registry: CollectorRegistry,
    liveness: Check,
    readiness: Check,
    *,
    idle_seconds: float = 5.0,
) -> HealthServer:
    """Opens the port.

    Args:
        host: name or address to listen on, IPv4 or IPv6.
        port: 0 takes a free one; `HealthServer.port` tells which.
        registry: what `/metrics` shows.
        liveness: None while the process should live, else why not in one sentence, for `/healthz`. Like
            `readiness` it is called in another thread than the event loop's, and must neither wait nor change
            anything.
        readiness: None when the worker takes work, else why not in one sentence, for `/readyz`.
        idle_seconds: a connection ends when its client neither sends nor takes anything for so long. Probes send
            their request at once; Prometheus waits 10 s for everything.

    Raises:
        SetupError: the address or the port cannot be had.
    """
    pages: Mapping[str, Callable[[], _Page]] = {
        "/metrics": partial(_metrics, registry),
        "/healthz": partial(_verdict, liveness),
        "/readyz": partial(_verdict, readiness),
    }
    place = f"the metrics and health port {port} on {host!r}"
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, (address, _, *scope) = found[0]  # IPv6 has a flow and a scope after its port
        return HealthServer(_Server(family, (address, port, *scope), partial(_Exchange, pages, idle_seconds)))
    except (OSError, OverflowError, UnicodeError) as exc:  # the latter two: a port or a name that no socket takes
        raise SetupError(f"cannot open {place}: {_what_to_do(exc)}") from exc


def _what_to_do(exc: Exception) -> str:
    if isinstance(exc, OverflowError):
        return "a port lies between 0 and 65535; set observe.metrics_port"
    code = exc.errno if isinstance(exc, OSError) and not isinstance(exc, socket.gaierror) else None
    if code == errno.EADDRINUSE:
        return "it is taken; set observe.metrics_port to another one, or to 0 for a free one"
    if code == errno.EACCES:
        return "this user may not open it; set observe.metrics_port to one above 1023"
    return (
        f"{getattr(exc, 'strerror', None) or exc};"
        " set observe.metrics_host to an address of this machine, for example 127.0.0.1 or 0.0.0.0"
    )


class _Page(NamedTuple):
    status: HTTPStatus
    body: bytes
    content_type: str = "text/plain; charset=utf-8"


def _metrics(registry: CollectorRegistry) -> _Page:
    return _Page(HTTPStatus.OK, generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4)


def _verdict(check: Check) -> _Page:
    reason = check()
    if reason is None:
        return _Page(HTTPStatus.OK, b"ok\n")
    return _Page(HTTPStatus.SERVICE_UNAVAILABLE, f"{reason}\n".encode(errors="backslashreplace"))


def _page(pages: Mapping[str, Callable[[], _Page]], path: str) -> _Page:
    make = pages.get(path.partition("?")[0])
    if make is None:
        return _Page(HTTPStatus.NOT_FOUND, f"not found; there are {', '.join(pages)}\n".encode())
    try:
        return make()
    except Exception as exc:  # noqa: BLE001 a check that fails is an answer too: a bad one, with its class
        sentence = f"cannot tell: the check itself failed with {type(exc).__name__}\n"
        return _Page(HTTPStatus.INTERNAL_SERVER_ERROR, sentence.encode())


class _Exchange(BaseHTTPRequestHandler):
    """One request and its answer; HTTP/1.0 without keep-alive, so a connection ends with it."""

    server_version = "streamproc"
    sys_version = ""
    error_content_type = "text/plain; charset=utf-8"
    error_message_format = "%(code)d %(message)s\n"

    def __init__(self, pages: Mapping[str, Callable[[], _Page]], idle_seconds: float, *args: Any) -> None:
        self._pages = pages
        self._idle_seconds = idle_seconds
        super().__init__(*args)

    def setup(self) -> None:
        """Opens the streams of the connection, which may not rest for longer than the idle time."""
        super().setup()
        self.connection.settimeout(self._idle_seconds)

    def do_GET(self) -> None:
        """Sends the page."""
        page = _page(self._pages, self.path)
        self.send_response(page.status)
        self.send_header("Content-Type", page.content_type)
        self.send_header("Content-Length", str(len(page.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page.body)

    do_HEAD = do_GET  # noqa: N815 the name http.server looks for

    def log_message(self, *_: Any) -> None:
        """Writes nothing: probes come every few seconds."""


class _Server(ThreadingTCPServer):
    """Threads for at most `MAX_CONNECTIONS` connections."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, family: socket.AddressFamily, address: Any, exchange: Callable[..., Any]) -> None:
        self.address_family = family
        self._open: dict[Any, None] = {}
        self._open_lock = Lock()
        super().__init__(address, exchange)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Makes room, then serves the connection in a thread of its own."""
        with self._open_lock:
            if len(self._open) >= MAX_CONNECTIONS:
                self._cut(next(iter(self._open)))
            self._open[request] = None
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forgets the connection before it is closed, so that `_cut` never meets a closed one."""
        with self._open_lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Cuts what is still open."""
        super().server_close()
        with self._open_lock:
            for request in list(self._open):
                self._cut(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Writes nothing: what ends here is a client that went away."""

    def _cut(self, request: Any) -> None:
        # Its thread wakes up from reading or writing, and ends.
        del self._open[request]
        with suppress(OSError):
            request.shutdown(socket.SHUT_RDWR)
