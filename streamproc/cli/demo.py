"""`streamproc demo`: everything in one process, for the first minute."""

import asyncio
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from streamproc.cli.options import Port

__all__ = ["demo"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, *((signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()))
_SIGNAL_CODES = 128  # as shells count: 130 for Ctrl-C


def demo(
    *,
    keep: Annotated[bool, Parameter(help="Stay up after the report, for commands in a second terminal.")] = False,
    port: Annotated[Port, Parameter(help="Port of the broker on 127.0.0.1; 0 takes a free one.")] = 0,
) -> int:
    """Run a broker in memory, a mock provider and a worker in this process, and answer 200 requests.

    It needs no Kafka, no key and no network, leaves nothing on disk and ends by itself. On a terminal it shows the
    streams while they come, elsewhere plain lines. Exit code 0, or 1 when the bill is not the provider's own count,
    2 when a port is taken, 130 after Ctrl-C.
    """
    with _leaving_at_once():
        from streamproc.demo.play import play  # noqa: PLC0415 takes most of a second
        from streamproc.demo.screen import open_console  # noqa: PLC0415 as above
    console, live = open_console(sys.stdout)
    with asyncio.Runner() as runner:
        return runner.run(_until_signal(play(console, live=live, port=port, keep=keep, program=_program())))


@contextmanager
def _leaving_at_once() -> Iterator[None]:
    """Ctrl-C ends the process here and now: inside an import it may be swallowed, and nothing is open yet."""
    is_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # a shell's background job ignores it
    if is_ours:
        signal.signal(signal.SIGINT, lambda number, _: os._exit(_SIGNAL_CODES + number))
    yield
    if is_ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)


async def _until_signal(playing: Coroutine[Any, Any, int]) -> int:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 narrows the type for mypy
    codes: list[int] = []

    def stop(number: int) -> None:
        codes.append(_SIGNAL_CODES + number)
        for one in _SIGNALS:
            # Everything ends within a second; an impatient second Ctrl-C would leave a terminal without its cursor.
            loop.remove_signal_handler(one)
            signal.signal(one, signal.SIG_IGN)
        task.cancel()

    with suppress(NotImplementedError):  # Windows: there Ctrl-C is the runner's
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, stop, number)
    try:
        return await playing
    except asyncio.CancelledError:
        if not codes:
            raise
        return codes[0]


def _program() -> str:
    """How the reader starts streamproc, to be repeated in a terminal: by its name only where the shell finds it."""
    if Path(sys.argv[0]).stem != "streamproc":
        return f"{shlex.quote(sys.executable)} -m streamproc"
    if shutil.which("streamproc"):
        return "streamproc"
    return shlex.quote(str(Path(sys.argv[0]).absolute()))  # a second terminal may stand in another folder
