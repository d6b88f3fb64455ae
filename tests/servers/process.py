"""A server as a child process: its own session, its output in a file, and an end that nothing can prevent.

Three nets, from the gentle to the last: the `with` block of whoever started it; a finalizer, for a forgotten object
and for the interpreter's normal end; and, on Linux, the kernel's parent-death signal, for an interpreter that is killed.
"""

import contextlib
import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

__all__ = ["Child", "Process", "ServerMissing"]

# Runs between fork and the server: asks for SIGKILL at the parent's death (PR_SET_PDEATHSIG is 1, see prctl(2)), then
# becomes the server. A parent that died before the request would go unnoticed, hence the second look at it.
_BOUND_TO_PARENT = """
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("the parent is gone")
os.execvp(sys.argv[2], sys.argv[2:])
"""


class ServerMissing(Exception):
    """The real server cannot be had on this machine; the message says in one sentence why and what would help."""


class Child(Protocol):
    """What is needed of `subprocess.Popen`."""

    @property
    def pid(self) -> int:
        """Process id, which is also the process group."""
        ...

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, or TimeoutExpired."""
        ...


class Process:
    """A running child process.

    Start it from a thread that stays: the parent-death signal means the thread that started it, not the process.
    """

    def __init__(self, command: Sequence[str], output: Path) -> None:
        launcher = (sys.executable, "-I", "-S", "-c", _BOUND_TO_PARENT, str(os.getpid()), *command)
        with output.open("ab") as log:
            self._adopt(
                subprocess.Popen(launcher, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True),
                output,
            )

    def _adopt(self, child: Child, output: Path) -> None:
        self.output = output
        self._child = child
        self._reaper = weakref.finalize(self, _kill, child)

    @property
    def pid(self) -> int:
        """Process id of the server, which is also its process group."""
        return self._child.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet; a paused process runs."""
        return self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Its exit code, negative for the signal that ended it; None while it runs."""
        return self._child.poll()

    def last_words(self, lines: int = 12) -> str:
        """The end of its output, for the message when something went wrong."""
        return "\n".join(self.output.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def pause(self) -> None:
        """SIGSTOP: alive for the kernel, dead for its clients."""
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        os.killpg(self.pid, signal.SIGCONT)

    def stop(self, patience_seconds: float = 10) -> None:
        """SIGTERM and, when that does not help in time, SIGKILL; returns when the process is gone."""
        if self.is_running:
            self.resume()  # a stopped process would get the signal only when it goes on
            os.killpg(self.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(patience_seconds)
        self.kill()

    def kill(self) -> None:
        """SIGKILL; returns when the process is gone."""
        self._reaper()


def _kill(child: Child) -> None:
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
