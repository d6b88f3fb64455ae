"""Commands inside this process, for those that start nothing: a process takes a second, and these are many."""

import io
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

from streamproc.cli.commands import build_app
from streamproc.errors import StreamprocError

__all__ = ["Said", "say"]


class Said(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def say(*arguments: str, folder: Path) -> Said:
    """Runs one command in a folder; a mistake is what the program makes of it, a sentence and exit code 2."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    with chdir(folder), redirect_stdout(out), redirect_stderr(err):
        try:
            code = build_app()(arguments, exit_on_error=False)
        except StreamprocError as error:
            code = 2
            print(f"streamproc: {error}", file=sys.stderr)
    out.flush()
    assert isinstance(out.buffer, io.BytesIO)
    return Said(code, out.buffer.getvalue().decode(), err.getvalue())
