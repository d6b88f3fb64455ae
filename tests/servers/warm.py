"""Processes of `streamproc` that are forked from one with all modules in memory; see `tests.servers.warm_program`.

They are asked for by its address in a variable, so that processes of a test may ask, too. Without it, as in benchmarks
and in a long chaos run, each process starts from nothing.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from tests.servers.process import Process

__all__ = ["Forked", "WarmProcess", "wait_until_warm", "warm_address", "warm_program"]

_VARIABLE = "STREAMPROC_TEST_WARM"
_PATIENCE_SECONDS = 60


def warm_address() -> str | None:
    """Where commands are forked, or None."""
    return os.environ.get(_VARIABLE)


@contextmanager
def warm_program() -> Iterator[Process]:
    """Inside the block there is a process that forks commands, once it has imported them; see `wait_until_warm`."""
    with tempfile.TemporaryDirectory(prefix="streamproc-warm-") as folder:
        address = Path(folder, "s")
        process = Process((sys.executable, "-m", "tests.servers.warm_program", str(address)), Path(folder, "log"))
        try:
            with mock.patch.dict(os.environ, {_VARIABLE: str(address)}):
                yield process
        finally:
            process.stop()


def wait_until_warm() -> None:
    """Returns when commands can be forked."""
    address = Path(os.environ[_VARIABLE])
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while not address.exists():
        assert time.monotonic() < give_up, address.with_name("log").read_text()
        time.sleep(0.01)


class WarmProcess(Process):
    """A forked command that goes on; signals reach it as any other process."""

    def __init__(self, address: str, arguments: Sequence[str], output: Path, variables: Mapping[str, str]) -> None:
        with output.open("ab") as log, Path(os.devnull).open("rb") as nothing:
            streams = (nothing.fileno(), log.fileno(), log.fileno())
            self._adopt(Forked(address, arguments, streams, variables), output)


class Forked:
    """The process of a forked command, as `subprocess.Popen` shows one; it leads a session and a process group.

    Attributes:
        pid: its process id.
    """

    def __init__(
        self,
        address: str,
        arguments: Sequence[str],
        streams: tuple[int, int, int],
        variables: Mapping[str, str],
        folder: Path | None = None,
    ) -> None:
        """`streams` are the file numbers of its standard streams; where the first is a terminal, it is controlled by it."""
        command = {"arguments": list(arguments), "variables": dict(variables), "folder": str(folder or Path.cwd())}
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(address)
        socket.send_fds(self._connection, [b"."], list(streams))
        self._connection.sendall(json.dumps(command).encode() + b"\n")
        self._answer = b""
        self._read(lines=1)
        self.pid = int(self._answer.split()[0])
        self._code: int | None = None

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, or TimeoutExpired."""
        if self._code is None:
            self._connection.settimeout(timeout)
            try:
                self._read(lines=2)
            except (TimeoutError, BlockingIOError) as exc:
                raise subprocess.TimeoutExpired("streamproc", timeout or 0) from exc
            self._code = int(self._answer.split()[1])
            self._connection.close()
        return self._code

    def _read(self, lines: int) -> None:
        while self._answer.count(b"\n") < lines:
            more = self._connection.recv(64)
            assert more, "whoever forks commands is gone"
            self._answer += more
