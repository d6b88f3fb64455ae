"""`streamproc` with its modules in memory, for tests: `python -m tests.servers.warm_program SOCKET`.

A command computes for half a second before its first own step, which is the import of its modules, and the tests run
hundreds of commands. This process imports them all once, reads the ranks of tokens, and forks itself for each command. What comes of it is a process
of its own, with its own arguments, variables, folder, streams and signals. Variables that Python itself reads when it
starts are those of this process.

Who wants a command connects, sends one byte with its three standard streams and a line of JSON with the rest, and is
answered two lines: the process id, and in the end the exit code.
"""

import atexit
import ctypes
import fcntl
import gc
import importlib
import io
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import termios
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, TextIO

import streamproc.cli
from streamproc.cli.main import main
from streamproc.money.tokens import TokenCounter
from tests.ranks import ranks_kept

__all__ = ["become", "forked"]


def forked(listener: socket.socket) -> dict[str, Any]:
    """Serves until it is ended; returns in each child, with the command that the child is to be."""
    ended, told = os.pipe()
    for end in (ended, told):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # Python writes to `told` for signals that have a handler
    signal.set_wakeup_fd(told)
    waiting: dict[int, socket.socket] = {}
    while True:
        ready = select.select([listener.fileno(), ended], [], [])[0]
        if ended in ready:
            os.read(ended, 4096)
            _tell_ends(waiting)
        if listener.fileno() in ready:
            connection, _ = listener.accept()
            if not (child := os.fork()):
                break
            waiting[child] = connection
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.close(ended)
    os.close(told)
    for other in (listener, *waiting.values()):
        other.close()
    _end_with_parent()
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    command: dict[str, Any] = json.loads(connection.makefile().readline())
    os.setsid()
    connection.sendall(b"%d\n" % os.getpid())  # not before it can be killed as a process group
    connection.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    return command


def become(command: dict[str, Any]) -> None:
    """Takes over what makes a process this command."""
    if os.isatty(0):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # a session's terminal: only so Ctrl-C becomes a signal
    os.chdir(command["folder"])
    os.environ.clear()
    os.environ.update(command["variables"])
    time.tzset()
    sys.argv[1:] = command["arguments"]
    # The present ones believe that they know what is open under their number, and where it stands.
    sys.stdin = _text(0, "rb", sys.stdin)
    sys.stdout = _text(1, "wb", sys.stdout)
    sys.stderr = _text(2, "wb", sys.stderr)


def _text(number: int, mode: Literal["rb", "wb"], former: TextIO) -> io.TextIOWrapper:
    stream = os.fdopen(number, mode)
    is_short = former.name == "<stderr>" or stream.isatty()
    return io.TextIOWrapper(stream, former.encoding, former.errors, line_buffering=is_short)


def _tell_ends(waiting: dict[int, socket.socket]) -> None:
    """Gives the exit codes of children that have ended to those who wait for them."""
    while waiting:
        child, status = os.waitpid(-1, os.WNOHANG)
        if not child:
            return
        with waiting.pop(child) as connection, suppress(OSError):  # nobody waits any more
            connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, see prctl(2)


def _listen(address: str) -> socket.socket:
    for module in pkgutil.iter_modules(streamproc.cli.__path__):
        importlib.import_module(f"streamproc.cli.{module.name}")
    importlib.import_module("genai_prices")
    # The ranks of tokens take as long again as the modules. Loaded by a counter, as in a command, they are found there.
    ranks_kept().start()
    TokenCounter().load(["gpt-4o"])
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    # Under another name until it listens: who finds the name can connect.
    listener.bind(f"{address}.new")
    listener.listen(64)
    Path(f"{address}.new").rename(address)
    return listener


def _end(code: int) -> None:
    """Ends this process as Python does, but leaves its memory as it is.

    To take every module of the parent's apart would copy the memory that is shared with it, which costs more than most
    commands themselves. Returns when something stands in the way; then the usual end may complain.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # what the interpreter calls first
    atexit._run_exitfuncs()
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    ends_whole = os.environ.get("STREAMPROC_TEST_WHOLE_ENDS") == "1"
    become(forked(_listen(sys.argv[1])))
    sys.argv[0] = "streamproc"
    try:
        main()
    except SystemExit as end:
        if not ends_whole and isinstance(end.code, int):
            _end(end.code)
        raise
