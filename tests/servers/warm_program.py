"""`streamproc` with its modules in memory, for tests: `python -m tests.servers.warm_program SOCKET`.

A command computes for half a second before its first own step, which is the import of its modules, and the tests run
hundreds of commands. This process imports them all once, reads the ranks of tokens, and forks itself for each command. What comes of it is a process
of its own, with its own arguments, variables, folder, streams and signals. Variables that Python itself reads when it
starts are those of this process.

Who wants a command connects, sends one byte with its three standard streams and a line of JSON with the rest, and is
answered two lines: the process id, and in the end the exit code.
"""

import ctypes
import fcntl
import functools
import gc
import importlib
import io
import json
import os
import pkgutil
import signal
import socket
import sys
import termios
import time
from pathlib import Path
from typing import Any, Literal, TextIO
from unittest import mock

import streamproc.cli
from streamproc.cli.main import main
from streamproc.money.encodings import O200K, load_encoding

__all__ = ["become", "forked"]


def forked(listener: socket.socket) -> dict[str, Any]:
    """Serves until it is ended; returns in each child, with the command that the child is to be."""
    while True:
        connection, _ = listener.accept()
        if not os.fork():
            break
        connection.close()
        _reap()
    listener.close()
    _end_with_parent()
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    command: dict[str, Any] = json.loads(connection.makefile().readline())
    if child := os.fork():
        for stream in streams:
            os.close(stream)
        _, status = os.waitpid(child, 0)
        connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    _end_with_parent()
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


def _reap() -> None:
    """Waits for children that have ended, so that none of them stays behind as a zombie."""
    while True:
        try:
            process, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not process:
            return


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, see prctl(2)


def _listen(address: str) -> socket.socket:
    for module in pkgutil.iter_modules(streamproc.cli.__path__):
        importlib.import_module(f"streamproc.cli.{module.name}")
    importlib.import_module("genai_prices")
    # The ranks of tokens take as long again as the modules, and nobody changes them.
    once = functools.cache(load_encoding)
    once(O200K)
    mock.patch("streamproc.money.tokens.load_encoding", once).start()
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    # Under another name until it listens: who finds the name can connect.
    listener.bind(f"{address}.new")
    listener.listen(64)
    Path(f"{address}.new").rename(address)
    return listener


if __name__ == "__main__":
    become(forked(_listen(sys.argv[1])))
    sys.argv[0] = "streamproc"
    main()
