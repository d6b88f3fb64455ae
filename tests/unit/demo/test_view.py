"""The picture and the plain line."""

import io
from datetime import UTC, datetime

import pytest
from rich.cells import cell_len
from rich.console import Console

from streamproc.client import Finished, Piece, Reset
from streamproc.demo.progress import Progress
from streamproc.demo.view import PlainLines, render_line, render_view, streams_shown, tail
from streamproc.observe.gauges import PartitionState, WorkerState
from streamproc.records.chunk import Chunk
from streamproc.records.result import Result
from tests.fakes import FakeClock

_NOW = datetime(2026, 1, 31, tzinfo=UTC)
_STATE = WorkerState(
    running=48,
    queued=3,
    waiting=1,
    queued_bytes=10,
    buffered_bytes=0,
    partitions=(
        PartitionState("requests", 0, 30, 5, ready=True, paused=False),
        PartitionState("requests", 1, None, 0, ready=False, paused=False),
        PartitionState("requests", 2, 12, 5, ready=True, paused=False),
    ),
)


def _progress(clock: FakeClock) -> Progress:
    progress = Progress(200, 40, clock.monotonic)
    for number in range(45):
        chunk = Chunk(run_id=f"r{number}", request_id=f"request-{number}", tenant="acme", attempt=1, seq=1, kind="text")
        words = " ".join(f"word{place}" for place in range(30))
        progress.read(Piece(chunk.run_id, chunk.model_copy(update={"text": f" {words}"})))
    progress.read(Reset("r1", 2))
    progress.read(Finished("r2", Result(run_id="r2", status="completed", finished_at=_NOW)))
    progress.cost_nanos = 1_234_000
    return progress


@pytest.mark.parametrize(
    ("columns", "lines", "drawn_lines"), [(60, 12, 7), (80, 24, 19), (100, 30, 25), (120, 36, 31), (200, 60, 46)]
)
def test_the_picture_fits_the_terminal(columns: int, lines: int, drawn_lines: int) -> None:
    """No line is longer than the terminal is wide, and what was printed before it stays in sight."""
    console = Console(file=io.StringIO(), width=columns, height=lines, color_system=None)
    prompts = {"request-0": "Ein Satz mit Ümläuten und [A-Z]{3}", "request-1": "漢字" * 20}
    drawn = render_view(_progress(FakeClock()), _STATE, prompts, columns=columns, lines=lines)
    shown = ["".join(part.text for part in line) for line in console.render_lines(drawn, pad=False)]
    assert len(shown) == drawn_lines
    assert max(map(cell_len, shown)) <= columns
    whole = "\n".join(shown)
    for figure in ("48", "42", "1,350", "$0.001234", "1 completed", "1/200"):
        assert figure in whole


@pytest.mark.parametrize("lines", [12, 36, 60])
def test_a_restart_is_drawn_on_a_terminal_of_any_height(lines: int) -> None:
    """The place that it was given was below the last line of most terminals, so that nobody saw it."""
    out = io.StringIO()
    console = Console(file=out, width=100, height=lines, color_system=None)
    progress = Progress(200, streams_shown(lines), FakeClock().monotonic)
    for number in range(60):
        chunk = Chunk(run_id=f"r{number}", request_id=f"request-{number}", tenant="acme", attempt=1, seq=1, kind="text")
        progress.read(Piece(chunk.run_id, chunk))
    progress.read(Reset("r50", 2))
    console.print(render_view(progress, _STATE, {}, columns=100, lines=lines))
    assert "request-50" in out.getvalue()


def test_streams_show_the_end_of_their_text() -> None:
    """With who asks; a restart and an end are marked."""
    console = Console(file=io.StringIO(), width=120, height=40, color_system=None)
    drawn = render_view(_progress(FakeClock()), _STATE, {"request-0": "Why?"}, columns=120, lines=40)
    shown = ["".join(part.text for part in line) for line in console.render_lines(drawn, pad=False)]
    first, again, ended = (line for line in shown if line.startswith(("request-0 ", "request-1 ", "request-2 ")))
    assert first.startswith("request-0     acme     Why?")
    assert first.endswith("word28 word29")
    assert "…" in first
    assert again.rstrip().endswith("↻ again:")
    assert "✓ " in ended


def test_the_line_says_the_same_in_words() -> None:
    """Unknown lag counts as none."""
    clock = FakeClock()
    progress = _progress(clock)
    progress.start()
    clock.now += 0.5
    assert (
        render_line(progress, _STATE)
        == "  0.5 s  in flight 48, lag 42, 1,350 tokens/s, $0.001234, results: 1 completed"
    )


def test_plain_lines_come_once_a_second() -> None:
    """However often the view is refreshed."""
    clock = FakeClock()
    progress = _progress(clock)
    progress.start()
    file = io.StringIO()
    with PlainLines(Console(file=file, width=40, color_system=None)) as view:
        for _ in range(35):
            view.refresh(progress, _STATE)
            clock.now += 0.125
    assert [line[:8] for line in file.getvalue().splitlines()] == ["  1.0 s ", "  2.0 s ", "  3.0 s ", "  4.0 s "]


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [
        ("short", 5, "short"),
        ("longer", 5, "…nger"),
        ("two\nlines", 20, "two lines"),
        ("漢字漢字", 5, "…漢字"),
        ("漢字漢字", 4, "…字"),
        ("longer", 1, "…"),
    ],
)
def test_the_tail_of_a_text_fits(text: str, columns: int, shown: str) -> None:
    """Wide letters take two columns."""
    assert tail(text, columns) == shown
