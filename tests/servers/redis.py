"""A real redis-server for tests: killed, restarted with what it had saved, emptied, or a replica of another.

with Redis() as redis:
    ...                 # redis.url
"""

import shutil
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.servers.network import free_ports, wait_until
from tests.servers.process import Process, ServerMissing

__all__ = ["Redis"]


class Redis:
    """One server on a free port that it keeps. It saves nothing unless it is told to.

    Attributes:
        url: address for clients, inside the block.
        port: where it listens on the loopback address.
    """

    def __init__(self, *options: str) -> None:
        """`options` are those of redis-server, as on its command line."""
        self._options: Sequence[str] = options
        self._folder = tempfile.TemporaryDirectory(prefix="streamproc-redis-", ignore_cleanup_errors=True)
        (self.port,) = free_ports(1)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: Process | None = None

    def __enter__(self) -> Self:
        """Starts it.

        Raises:
            ServerMissing: there is no redis-server on this machine, or it does not answer.
        """
        try:
            self.start()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def start(self) -> None:
        """Starts it, again after `kill` or `stop`, with the last snapshot if there is one; returns when it answers.

        Raises:
            ServerMissing: as on entering the block.
        """
        program = shutil.which("redis-server")
        if program is None:
            raise ServerMissing("this needs redis-server (on Debian: apt-get install redis-server)")
        folder = Path(self._folder.name)
        place = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder))
        quiet = ("--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0")
        self.process = Process((program, *place, *quiet, *self._options), folder / "redis.log")
        wait_until(lambda: self.ask("PING") == "+PONG", self.process, "redis-server", 20)

    def kill(self) -> None:
        """SIGKILL: what was not saved is lost."""
        if self.process is not None:
            self.process.kill()

    def stop(self) -> None:
        """SIGTERM."""
        if self.process is not None:
            self.process.stop()

    def ask(self, *words: str) -> str:
        """The answer to a command: a text, or else its first line as it comes over the wire; "" when there is none."""
        command = f"*{len(words)}\r\n" + "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(command.encode())
                with connection.makefile("rb") as answer:
                    first = answer.readline().decode().rstrip("\r\n")
                    return answer.read(int(first[1:])).decode() if first[:1] == "$" else first
        except OSError:
            return ""

    def _close(self) -> None:
        self.kill()
        self._folder.cleanup()
