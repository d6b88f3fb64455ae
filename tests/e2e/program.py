"""The program as a user starts it: a process with arguments, words and an exit code."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

from tests.servers.process import Child, Process
from tests.servers.warm import Forked, WarmProcess, warm_address

__all__ = ["PROGRAM", "Said", "environment", "run", "sentence_of", "start"]

PROGRAM = str(Path(sys.executable).with_name("streamproc"))

_KEPT = "STREAMPROC_TEST_RUN"  # by which the whole run knows its processes

_PATIENCE_SECONDS = 100


class Said(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def environment(**variables: str) -> dict[str, str]:
    """This process's environment without streamproc's own variables, and with these."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("STREAMPROC_") or name == _KEPT}
    return own | {"COLUMNS": "200"} | variables


def run(*arguments: str, folder: Path, stdin: str = "", **variables: str) -> Said:
    """Runs one command in a folder, with these variables, to its end. It reads from a pipe, and writes to files."""
    # What is said to Python itself is heard only when it starts.
    warm = None if any(name.startswith("PYTHON") for name in variables) else warm_address()
    own = environment(**variables)
    theirs, ours = os.pipe()
    with TemporaryFile() as out, TemporaryFile() as err:
        with os.fdopen(theirs) as given, suppress(BrokenPipeError), os.fdopen(ours, "wb") as giving:
            child: Child
            if warm is None:
                child = subprocess.Popen(
                    (PROGRAM, *arguments),
                    cwd=folder,
                    env=own,
                    stdin=given,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                )
            else:
                child = Forked(warm, arguments, (theirs, out.fileno(), err.fileno()), own, folder)
            given.close()
            giving.write(stdin.encode())
        try:
            code = child.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            raise
        out.seek(0)
        err.seek(0)
        return Said(code, out.read().decode(), err.read().decode())


def start(*arguments: str, output: Path, **variables: str) -> Process:
    """Starts a command that goes on; its output goes to a file."""
    if warm := warm_address():
        return WarmProcess(warm, arguments, output, os.environ | variables)
    return Process(("env", *(f"{name}={value}" for name, value in variables.items()), PROGRAM, *arguments), output)


def sentence_of(said: Said) -> str:
    """The one sentence of a failure; a worker may have written lines of its log before it."""
    assert said.code == 2, said
    assert "Traceback" not in said.err + said.out
    *log, last = said.err.splitlines()
    for line in log:
        assert "event" in json.loads(line), said.err
    assert last.startswith("streamproc: ")
    return last.removeprefix("streamproc: ")
