"""The end of the program."""

import subprocess
import sys
from pathlib import Path

import pytest

_AT_THE_END = (
    "import atexit, os, signal, sys\n"
    "from streamproc.cli.main import main\n"
    "atexit.register(os.kill, os.getpid(), signal.SIGINT)\n"
    "sys.argv = ['streamproc', *sys.argv[1:]]\n"
    "main()\n"
)


@pytest.mark.parametrize(("words", "code"), [(["--version"], 0), (["config", "check", "--config", "none.toml"], 2)])
def test_a_ctrl_c_at_the_last_moment_changes_nothing(words: list[str], code: int, tmp_path: Path) -> None:
    """The command is over by then. It once ended in a traceback, and by the signal instead of its exit code."""
    done = subprocess.run(
        [sys.executable, "-c", _AT_THE_END, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert "KeyboardInterrupt" not in done.stderr
