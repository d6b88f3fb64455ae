"""The metrics and health port over real sockets."""

import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from streamproc.errors import SetupError
from streamproc.observe.health import MAX_CONNECTIONS, HealthServer, start_health_server


class Worker:
    """What the port asks: reasons not to live and not to be ready, which a test sets."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.dead: str | None = None
        self.busy: str | None = None
        self.asked_in: set[int] = set()

    def liveness(self) -> str | None:
        self.asked_in.add(threading.get_ident())
        return self.dead

    def readiness(self) -> str | None:
        if self.busy == "broken":
            raise KeyError("secret")
        return self.busy


@pytest.fixture
def worker() -> Worker:
    """A worker that is well."""
    return Worker()


@pytest.fixture
def server(worker: Worker) -> Iterator[HealthServer]:
    """Its port, on loopback."""
    running = start_health_server("127.0.0.1", 0, worker.registry, worker.liveness, worker.readiness)
    yield running
    running.close()


@pytest.fixture
def patient(worker: Worker) -> Iterator[HealthServer]:
    """A port that sends nobody away for being slow."""
    running = start_health_server("127.0.0.1", 0, worker.registry, worker.liveness, worker.readiness, idle_seconds=600)
    yield running
    running.close()


def soon(is_true: Callable[[], bool]) -> bool:
    """Whether it becomes true within ten seconds."""
    deadline = time.monotonic() + 10
    while not is_true() and time.monotonic() < deadline:
        time.sleep(0.005)
    return is_true()


def ask(server: HealthServer, path: str, method: str = "GET") -> tuple[int, str, str]:
    """Status, content type and body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.headers["Content-Type"], response.read().decode()
    finally:
        connection.close()


def test_metrics_page(worker: Worker, server: HealthServer) -> None:
    """It shows the registry in Prometheus' text format, under its content type."""
    Counter("seen_total", "Seen.", ["who"], registry=worker.registry).labels("me").inc(3)
    status, content_type, body = ask(server, "/metrics")
    assert (status, content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    samples = [sample for family in text_string_to_metric_families(body) for sample in family.samples]
    assert ("seen_total", {"who": "me"}, 3.0) in [(s.name, s.labels, s.value) for s in samples]


def test_worker_that_is_well(worker: Worker, server: HealthServer) -> None:
    """Both probes say ok, and the question is asked in a thread beside the caller's."""
    assert ask(server, "/healthz") == (200, "text/plain; charset=utf-8", "ok\n")
    assert ask(server, "/readyz?verbose") == (200, "text/plain; charset=utf-8", "ok\n")
    assert threading.get_ident() not in worker.asked_in


def test_worker_that_is_not_ready(worker: Worker, server: HealthServer) -> None:
    """Readiness says why with 503; liveness is another question. Both are asked anew each time."""
    worker.busy = "no partition is claimed yet"
    assert ask(server, "/readyz")[::2] == (503, "no partition is claimed yet\n")
    assert ask(server, "/healthz")[0] == 200
    worker.dead, worker.busy = "the poll loop stands still for 61 s", None
    assert ask(server, "/readyz")[0] == 200
    assert ask(server, "/healthz")[::2] == (503, "the poll loop stands still for 61 s\n")


def test_check_that_fails_itself(
    worker: Worker, server: HealthServer, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """It is a bad answer with the error's class, not its text; nothing is printed, and the port goes on."""
    worker.busy = "broken"
    assert ask(server, "/readyz")[::2] == (500, "cannot tell: the check itself failed with KeyError\n")
    assert ask(server, "/healthz")[0] == 200
    assert capfdbinary.readouterr() == (b"", b"")


def test_unknown_path(server: HealthServer) -> None:
    """404 names the paths there are."""
    assert ask(server, "/") == (404, "text/plain; charset=utf-8", "not found; there are /metrics, /healthz, /readyz\n")


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/metrics", 200), ("/nothing", 404)])
def test_head(server: HealthServer, path: str, status: int) -> None:
    """HEAD has the status and the length of GET, and no body."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(f"HEAD {path} HTTP/1.0\r\n\r\n".encode())
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    length = len(ask(server, path)[2].encode())
    assert head.startswith(f"HTTP/1.0 {status} ".encode())
    assert f"Content-Length: {length}".encode() in head
    assert body == b""


def test_method_that_writes(server: HealthServer) -> None:
    """It is refused in plain text."""
    assert ask(server, "/healthz", "POST")[::2] == (501, "501 Unsupported method ('POST')\n")


def test_bytes_that_are_no_http(server: HealthServer, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """The client gets a 400 and nobody else notices; nothing is printed."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(b"\x16\x03\x01 \xff HTTP/9 x\r\n\r\n")
        assert b"400" in client.recv(65_536)
    assert ask(server, "/healthz")[0] == 200
    assert capfdbinary.readouterr() == (b"", b"")


def test_client_that_resets_its_connection(server: HealthServer, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Nobody notices; nothing is printed."""
    before = threading.active_count()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(b"GET /healthz HTT")
        assert soon(lambda: threading.active_count() > before)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close() sends a reset
    assert soon(lambda: threading.active_count() == before)
    assert capfdbinary.readouterr() == (b"", b"")


def test_silent_clients_in_great_number(patient: HealthServer) -> None:
    """Threads stay bounded, the oldest connections give way, and a probe is still answered."""
    before = threading.active_count()
    silent = [socket.create_connection(("127.0.0.1", patient.port), timeout=10) for _ in range(MAX_CONNECTIONS * 3)]
    try:
        assert ask(patient, "/healthz")[0] == 200
        assert silent[0].recv(1) == b""
        assert soon(lambda: threading.active_count() <= before + MAX_CONNECTIONS)
    finally:
        for client in silent:
            client.close()


def test_slow_client_among_many_probes(patient: HealthServer) -> None:
    """Probes that have their answer hold no place, so a single slow client keeps its own."""
    with socket.create_connection(("127.0.0.1", patient.port), timeout=10) as client:
        client.sendall(b"GET /healthz HTTP/1.0\r\n")
        for _ in range(MAX_CONNECTIONS + 1):
            assert ask(patient, "/healthz")[0] == 200
        client.sendall(b"\r\n")
        assert client.recv(65_536).startswith(b"HTTP/1.0 200 ")


def test_client_that_never_finishes_its_request(worker: Worker) -> None:
    """It is sent away after the idle time, though nobody needs its place."""
    server = start_health_server("127.0.0.1", 0, worker.registry, worker.liveness, worker.readiness, idle_seconds=0.1)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(b"GET /healthz HTTP/1.0\r\nX-Slow: ")
        assert client.recv(1) == b""
    server.close()


def test_close(worker: Worker, patient: HealthServer) -> None:
    """The port is free at once, open connections are cut, the thread is gone; closing twice is fine."""
    with socket.create_connection(("127.0.0.1", patient.port), timeout=10) as client:
        assert ask(patient, "/healthz")[0] == 200  # so the silent connection before it is accepted too
        patient.close()
        assert client.recv(1) == b""
    patient.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "streamproc-health"]
    again = start_health_server("127.0.0.1", patient.port, worker.registry, worker.liveness, worker.readiness)
    assert ask(again, "/healthz")[0] == 200
    again.close()


def test_port_that_is_taken(worker: Worker, server: HealthServer) -> None:
    """One sentence says what, where and what to do."""
    with pytest.raises(SetupError) as caught:
        start_health_server("127.0.0.1", server.port, worker.registry, worker.liveness, worker.readiness)
    assert str(caught.value) == (
        f"cannot open the metrics and health port {server.port} on '127.0.0.1': it is taken;"
        " set observe.metrics_port to another one, or to 0 for a free one"
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "x" * 300, "a..b"])
def test_address_that_is_not_ours(worker: Worker, host: str) -> None:
    """One sentence names the address and the setting."""
    with pytest.raises(SetupError) as caught:
        start_health_server(host, 0, worker.registry, worker.liveness, worker.readiness)
    assert str(caught.value).startswith(f"cannot open the metrics and health port 0 on {host!r}: ")
    assert "observe.metrics_host" in str(caught.value)


def test_port_that_cannot_be(worker: Worker) -> None:
    """A number outside the range of ports is a set-up error too."""
    with pytest.raises(SetupError, match=r"port 70000 .* lies between 0 and 65535"):
        start_health_server("127.0.0.1", 70_000, worker.registry, worker.liveness, worker.readiness)


def test_ipv6(worker: Worker) -> None:
    """An IPv6 address works like any other."""
    if not socket.has_ipv6:
        pytest.skip("this Python has no IPv6")
    try:
        server = start_health_server("::1", 0, worker.registry, worker.liveness, worker.readiness)
    except SetupError as exc:
        pytest.skip(f"this machine has no IPv6 loopback: {exc}")
    with socket.create_connection(("::1", server.port), timeout=10) as client:
        client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert client.recv(65_536).startswith(b"HTTP/1.0 200 ")
    server.close()
