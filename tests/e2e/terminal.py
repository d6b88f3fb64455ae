"""A terminal with somebody in front of it: the program runs in it, its keys are typed, what it draws is read."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Self

from tests.e2e.program import PROGRAM, environment
from tests.servers.process import Child
from tests.servers.warm import Forked, warm_address

__all__ = ["CTRL_C", "Terminal"]

CTRL_C = b"\x03"

_PATIENCE_SECONDS = 60.0


class Terminal:
    """A pseudo-terminal of this size that runs `streamproc`; its process ends with the block at the latest.

    Standard output goes to the file `output`, where one is named. A `cold` program starts from nothing, also where
    commands are forked.
    """

    def __init__(
        self,
        *arguments: str,
        folder: Path,
        columns: int = 120,
        lines: int = 36,
        variables: Mapping[str, str] = MappingProxyType({}),
        output: Path | None = None,
        cold: bool = False,
    ) -> None:
        self.shown = b""
        self.process: Child
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        own = environment(**({"TERM": "xterm-256color"} | dict(variables)))
        for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
            if name not in variables:
                own.pop(name, None)
        # Kept open: with nobody on their side before the program is there, reading would fail.
        self._theirs = theirs
        if (address := warm_address()) and not cold:
            with output.open("wb") if output else nullcontext() as out:
                streams = (theirs, out.fileno() if out else theirs, theirs)
                self.process = Forked(address, arguments, streams, own, folder)
            return
        terminal = os.ttyname(theirs)
        # The leader of a session gets its terminal by opening it: only so Ctrl-C becomes a signal.
        opening = 'out=$1; shift; exec "$@" <"$0" 2>"$0" >"$out"'
        self.process = subprocess.Popen(
            ("sh", "-c", opening, terminal, str(output or terminal), PROGRAM, *arguments),
            cwd=folder,
            env=own,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.hang_up()

    def hang_up(self) -> None:
        """Closes the window, at which the system tells the program."""
        for end in (self._theirs, self._ours):
            with suppress(OSError):  # the second time
                os.close(end)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], 0.05)
        if ready:
            self.shown += os.read(self._ours, 65536)
        return bool(ready)

    def wait_for(self, text: bytes) -> None:
        """Returns when the program has written this."""
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while text not in self.shown:
            assert self.process.poll() is None or self._read(), f"ended without {text!r}: {self.shown.decode()}"
            assert time.monotonic() < give_up, f"no {text!r} in {self.shown.decode()}"
            self._read()

    def type(self, keys: bytes) -> None:
        """Presses keys."""
        os.write(self._ours, keys)

    def wait(self) -> int:
        """Reads until the program has ended, and gives its exit code."""
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while self._read() or self.process.poll() is None:
            assert time.monotonic() < give_up, f"does not end: {self.shown.decode()}"
        return self.process.wait()
