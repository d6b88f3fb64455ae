"""Standard streams that are closed, full, or cannot write every letter: a sentence at most, never a traceback."""

import subprocess
from pathlib import Path

import pytest

from tests.e2e.program import PROGRAM, environment, run


def _in_shell(words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs `streamproc` with words a shell understands."""
    return subprocess.run(
        ("bash", "-c", f'"{PROGRAM}" {words}'),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


_ALL = "<&- >&- 2>&-"


@pytest.mark.parametrize(
    ("command", "closed"),
    [*(("config show", closed) for closed in (">&-", "<&-", "2>&-", _ALL)), ("config check", _ALL), ("--help", _ALL)],
)
def test_closed_streams_are_no_reason_to_fail(command: str, closed: str, tmp_path: Path) -> None:
    """As daemons start programs. It ended with `'NoneType' object has no attribute 'buffer'`.

    What is missing is put in its place before any command; one command stands for the others where a single one is.
    """
    done = _in_shell(f"{command} {closed}", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert bool(done.stdout) is (">&-" not in closed.replace("2>&-", ""))


@pytest.mark.parametrize("command", ["config check", "config show", "--help"])
def test_a_full_disk_is_named(command: str, tmp_path: Path) -> None:
    """Whether the output is written at once or at the end of the process."""
    done = _in_shell(f"{command} >/dev/full", tmp_path)
    assert (done.returncode, done.stderr) == (1, "streamproc: cannot write: No space left on device\n")


def test_help_tells_exit_codes(tmp_path: Path) -> None:
    """The whole description of a command. It was the list's sentence again, and exit codes were told nowhere."""
    assert "Exit code 0 when everything was sent" in run("submit", "--help", folder=tmp_path).out
    assert "130 after Ctrl-C" in run("dead", "replay", "--help", folder=tmp_path).out
    assert "Publish requests from a JSONL file." in run("--help", folder=tmp_path).out
