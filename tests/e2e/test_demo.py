"""`streamproc demo` as a newcomer meets it: in a terminal, in a file, interrupted, twice at once, and kept running."""

import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.program import PROGRAM, Said, environment, run, sentence_of
from tests.e2e.terminal import CTRL_C, Terminal

_AGREE = re.compile(r"^bill and provider agree: [0-9,]+ tokens in 194 complete answers$", re.MULTILINE)
_HIDE_CURSOR, _SHOW_CURSOR = b"\x1b[?25l", b"\x1b[?25h"


def _assert_whole(out: str) -> None:
    """The report of a run, however it is shown."""
    assert _AGREE.search(out), out
    assert re.search(r"^completed +184  streamed", out, re.MULTILINE), out
    for fate in (
        "completed +10  in one piece",
        "expired +1  deadline_passed",
        "failed +2  bad_request",
        "rejected +1  budget_refused",
        "rejected +1  not_json",
        "rejected +1  unknown_field",
    ):
        assert re.search(rf"^{fate}", out, re.MULTILINE), fate
    assert "4 streams were cut and started again visibly" in out
    assert "cut: disconnected; on the bill: " in out


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Said, Said]:
    """Two demos at once, into files: one as it is; one that is to be kept, by a process that may write no file at all.

    Neither colours that are asked for nor a cluster that is set get in. Their files take plain letters only.
    """
    folder = tmp_path_factory.mktemp("files")
    variables = environment(
        FORCE_COLOR="1", PYTHONIOENCODING="ascii", STREAMPROC_KAFKA__BOOTSTRAP_SERVERS="production.invalid:9092"
    )
    both = [
        subprocess.Popen(command, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for command in ((PROGRAM, "demo"), ("bash", "-c", f'ulimit -f 0; exec "{PROGRAM}" demo --keep'))
    ]
    ends = [demo.communicate(timeout=100) for demo in both]
    assert list(folder.iterdir()) == []
    one, kept = (Said(demo.returncode, *said) for demo, said in zip(both, ends, strict=True))
    return one, kept


class Watched(NamedTuple):
    """A demo that was kept on a terminal, until Ctrl-C."""

    code: int
    terminal: Terminal


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """From its first line to its last one."""
    with Terminal("demo", "--keep", folder=tmp_path_factory.mktemp("watched")) as terminal:
        for words in (_HIDE_CURSOR, b"/200", "↻ again".encode(), b"second terminal"):
            terminal.wait_for(words)
        terminal.type(CTRL_C)
        return Watched(terminal.wait(), terminal)


def test_in_a_file_there_are_plain_lines_and_two_demos_do_not_meet(at_once: tuple[Said, Said]) -> None:
    """Two at once: each takes a free port, and its file that takes plain letters only is no reason to fail."""
    one, kept = at_once
    assert (one.code, one.err) == (0, "")
    for demo in (one, kept):
        assert "\x1b" not in demo.out
        assert "in memory" in demo.out.splitlines()[0]
        assert re.search(r"^ +[0-9.]+ s  in flight [0-9]+, lag [0-9]+, ", demo.out, re.MULTILINE)
        _assert_whole(demo.out)


def test_without_room_for_its_folder_a_kept_demo_says_so(at_once: tuple[Said, Said]) -> None:
    """After the report. A process that may write no file at all stands for a full disk."""
    _, kept = at_once
    _assert_whole(kept.out)
    assert kept.err.startswith("streamproc: --keep needs a temporary folder: ")
    assert kept.err.count("\n") == 1
    assert kept.code == 2


def test_on_a_terminal_the_streams_are_seen(watched: Watched) -> None:
    """The view comes, grows, goes, and gives the cursor back; the report stays."""
    live, figures, rest = watched.terminal.shown.rpartition(b"tokens/s")
    assert live.count(figures) > 5
    wiping, _, report = rest.partition(b"What became of")
    assert _SHOW_CURSOR in wiping
    assert wiping.count(b"\x1b[2K") > 20
    _assert_whole(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", report.decode()))


def test_ctrl_c_ends_a_demo_that_waits(watched: Watched) -> None:
    """For commands in a second terminal, to which it gave a folder."""
    assert watched.code == 130
    _assert_ended_well(watched.terminal)


@pytest.mark.parametrize(
    ("columns", "variables"),
    [(59, {}), (120, {"TERM": "dumb"}), (120, {"NO_COLOR": "1"})],
    ids=["narrow", "dumb", "no colour"],
)
def test_a_terminal_that_cannot_draw_gets_plain_lines(columns: int, variables: dict[str, str], tmp_path: Path) -> None:
    """Not one control sequence, up to Ctrl-C."""
    with Terminal("demo", folder=tmp_path, columns=columns, variables=variables) as terminal:
        terminal.wait_for(b"tokens/s, ")
        terminal.type(CTRL_C)
        assert terminal.wait() == 130
    assert b"\x1b" not in terminal.shown


@pytest.mark.parametrize(
    "moment",
    ["all in this one process", "sending 200 requests", "0/200", "↻ again", "What became of"],
    ids=["loads", "starts", "draws", "restarts", "reports"],
)
def test_ctrl_c_ends_it_at_any_moment(moment: str, tmp_path: Path) -> None:
    """While it loads, starts, draws and reports: no traceback, a cursor, nothing left."""
    with Terminal("demo", "--keep", folder=tmp_path, cold=moment.startswith("all in")) as terminal:
        terminal.wait_for(moment.encode())
        terminal.type(CTRL_C)
        assert terminal.wait() == 130
    _assert_ended_well(terminal)


def test_a_second_ctrl_c_does_not_spoil_the_end(tmp_path: Path) -> None:
    """An impatient reader: the first one does its work to the end."""
    with Terminal("demo", folder=tmp_path) as terminal:
        terminal.wait_for("↻ again".encode())
        terminal.type(CTRL_C)
        terminal.wait_for(_SHOW_CURSOR)
        while terminal.process.poll() is None:
            with suppress(ProcessLookupError):  # it may end between the look and the signal
                os.kill(terminal.process.pid, signal.SIGINT)
            time.sleep(0.005)
        assert terminal.wait() == 130
    assert b"Traceback" not in terminal.shown
    _assert_the_cursor_is_back(terminal)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_give_the_cursor_back(number: signal.Signals, tmp_path: Path) -> None:
    """They end the demo as Ctrl-C does, with exit codes of their own. SIGHUP left the cursor hidden."""
    with Terminal("demo", folder=tmp_path) as terminal:
        terminal.wait_for(b"0/200")
        os.kill(terminal.process.pid, number)
        assert terminal.wait() == 128 + number
    assert b"Traceback" not in terminal.shown
    _assert_the_cursor_is_back(terminal)


def test_a_reader_that_goes_away_ends_it(tmp_path: Path) -> None:
    """`streamproc demo | head -1`: no traceback."""
    command = f'"{PROGRAM}" demo | head -1; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(
        ("bash", "-c", command),
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    first, code = done.stdout.splitlines()
    assert first.startswith("streamproc demo: ")
    assert (code, done.stderr) == ("1", "")


def test_a_kept_demo_answers_a_second_terminal(tmp_path: Path) -> None:
    """With the commands it names; its port is taken for another demo, which says so in a sentence.

    Then its window goes away, as it may at any time: the temporary folder stayed behind.
    """
    with Terminal("demo", "--keep", folder=tmp_path, variables={"TERM": "dumb"}) as terminal:
        terminal.wait_for(b"/stats")
        said = terminal.shown.decode().replace("\r", "")
        _assert_whole(said)
        settings = re.findall(r"export STREAMPROC_CONFIG=(\S+)", said)[0]
        submit = re.findall(r"streamproc submit (\S+) --follow", said)[0]
        followed = run("submit", submit, "--follow", folder=tmp_path, STREAMPROC_CONFIG=settings)
        assert followed.code == 0, followed.err
        assert "2 completed, 0 not" in followed.err
        assert "hello-2: [the answer starts again]" in followed.out
        terminal.wait_for(b"  completed  me  mock-t60-i8-f60 ")
        terminal.wait_for(b"  completed  me  mock-t100-i12-f120-cutonce35 ")
        port = re.findall(r"broker 127\.0\.0\.1:(\d+)", said)[0]
        sentence = sentence_of(run("demo", "--port", port, folder=tmp_path))
        assert sentence.startswith(f"the broker cannot use port {port}: ")
        assert "choose another --port" in sentence
        terminal.hang_up()
        assert terminal.process.wait(30) != 0
    assert not Path(settings).exists()
    _assert_no_folder_is_left(said)


def _assert_ended_well(terminal: Terminal) -> None:
    assert b"Traceback" not in terminal.shown
    assert b"Exception" not in terminal.shown
    _assert_the_cursor_is_back(terminal)
    _assert_no_folder_is_left(terminal.shown.decode())


def _assert_the_cursor_is_back(terminal: Terminal) -> None:
    # Not counted: a terminal throws away what was not read before Ctrl-C.
    assert terminal.shown.rfind(_SHOW_CURSOR) >= terminal.shown.rfind(_HIDE_CURSOR)


def _assert_no_folder_is_left(said: str) -> None:
    for settings in re.findall(r"export STREAMPROC_CONFIG=(\S+)", said):
        assert not Path(settings).parent.exists()
