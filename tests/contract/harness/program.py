"""A worker as its own process, started by the command line, for signals and sudden death."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streamproc.settings.settings import Settings
from tests.contract.harness.waiting import eventually
from tests.e2e.program import start

__all__ = ["Program", "running_program"]


class Program:
    """`streamproc run` in a process of its own."""

    def __init__(self, settings: Settings, output: Path) -> None:
        # Each group of settings is one variable; without a None, which would be read as a text.
        groups = settings.model_dump(mode="json", exclude={"allow_unpriced"})
        variables = {f"STREAMPROC_{name.upper()}": json.dumps(fields) for name, fields in groups.items()}
        self._process = start("run", output=output, **variables)

    def terminate(self, number: signal.Signals = signal.SIGTERM) -> None:
        """A signal to end, once."""
        os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """SIGKILL; returns when the process is gone."""
        self._process.kill()

    def pause(self) -> None:
        """SIGSTOP: as a machine that is suspended."""
        self._process.pause()

    def resume(self) -> None:
        """SIGCONT."""
        self._process.resume()

    async def exit_code(self) -> int:
        """Waits for the process's own end."""
        await eventually(lambda: not self._process.is_running, self.last_words)
        code = self._process.exit_code
        assert code is not None
        return code

    async def has_said(self, words: str) -> None:
        """Waits for words in its log."""
        await eventually(lambda: words in self._process.output.read_text(encoding="utf-8"), self.last_words)

    def last_words(self) -> str:
        """The end of its log."""
        return self._process.last_words(40)


@contextmanager
def running_program(settings: Settings, folder: Path) -> Iterator[Program]:
    """Starts it; in the end it is killed, if it still runs."""
    program = Program(settings, folder / "worker.log")
    try:
        yield program
    finally:
        program.kill()
