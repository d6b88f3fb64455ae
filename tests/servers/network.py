"""Ports for servers, and waiting until one answers."""

import random
import socket
import time
from collections.abc import Callable

from tests.servers.process import Process, ServerMissing

__all__ = ["free_ports", "wait_until"]

# Below the range from which the kernel takes ports for outgoing connections (32768 on Linux): otherwise any client
# might sit on a server's port while that server is down for a restart.
_LOWEST, _HIGHEST = 20_000, 32_000


def free_ports(count: int) -> list[int]:
    """Different TCP ports on the loopback address that nobody listens on."""
    draw = random.SystemRandom()  # the seed of a test must not make two runs meet on one port
    ports: list[int] = []
    while len(ports) < count:
        port = draw.randrange(_LOWEST, _HIGHEST)
        if port not in ports and _is_free(port):
            ports.append(port)
    return ports


def wait_until(is_ready: Callable[[], bool], process: Process, name: str, patience_seconds: float = 60) -> None:
    """Waits for a server to answer.

    Raises:
        ServerMissing: it ended, or did not answer in time; the message holds the end of its output.
    """
    give_up = time.monotonic() + patience_seconds
    while not is_ready():
        if not process.is_running:
            raise ServerMissing(f"{name} ended while it started; its last words:\n{process.last_words()}")
        if time.monotonic() > give_up:
            raise ServerMissing(
                f"{name} did not answer within {patience_seconds:g} s; its last words:\n{process.last_words()}"
            )
        time.sleep(0.02)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free for a server
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
