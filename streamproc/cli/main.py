"""The command `streamproc` and its subcommands. A user's mistake is one sentence and exit code 2, never a traceback."""

import errno
import gc
import io
import logging
import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

from streamproc.errors import StreamprocError

__all__ = ["main"]

_COLLECTOR_THRESHOLD = 50_000

_NO_PLACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})
"""The disk or the quota is full, or the terminal is gone."""

_INTERRUPTED = 130
"""As a shell tells that a command was ended by SIGINT."""


def main() -> None:
    """Runs the command of this process and exits."""
    try:
        code = _run()
    except KeyboardInterrupt:
        code = _INTERRUPTED
    # The command is over, and nothing is left to interrupt but Python's own end, which would show a traceback.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)


def _run() -> int:
    _prepare_streams()
    # Modules are made of many objects and hardly any garbage, and the collector would go through them again and again.
    gc.set_threshold(_COLLECTOR_THRESHOLD)
    # Pydantic looks through every package that is installed for plugins, which nobody here has asked for.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # What a library says about a failure would stand beside our sentence; the worker takes it into its own log.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        from streamproc.cli.commands import build_app  # noqa: PLC0415 here a Ctrl-C during it is no traceback

        code = build_app()()
        sys.stdout.flush()  # at the end of the process nobody could say what is wrong
    except StreamprocError as error:
        print(f"streamproc: {error}", file=sys.stderr)  # noqa: T201 the command line speaks
        return 2
    except BrokenPipeError:
        # The reader of our output is gone, for example `| head`: nothing is left to say.
        sys.stderr.close()
        return 1
    except OSError as error:
        if error.errno not in _NO_PLACE:
            raise
        _end_unwritten(error)
    return code if isinstance(code, int) else 0


def _prepare_streams() -> None:
    """Gives standard streams that were closed a place to go to; output does not fail over a letter it does not have."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # It takes the number that is free. Else a socket would, and get what is meant for the terminal.
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _end_unwritten(error: OSError) -> NoReturn:
    """Ends the process when there was no room for its output, of which some is still held back."""
    with suppress(OSError):
        print(f"streamproc: cannot write: {error.strerror}", file=sys.stderr, flush=True)  # noqa: T201 the same
    os._exit(1)  # Python's own end would try to write what is held back, and complain
