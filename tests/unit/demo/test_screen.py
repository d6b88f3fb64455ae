"""Which output gets a live view, and that a plain one gets no control sequence."""

import io
from collections.abc import Mapping

import pytest
from rich.text import Text

from streamproc.demo.screen import is_live, open_console


@pytest.mark.parametrize(
    ("is_terminal", "columns", "lines", "environ", "live"),
    [
        (True, 120, 36, {"TERM": "xterm"}, True),
        (True, 60, 12, {}, True),  # Windows names no TERM
        (False, 120, 36, {"TERM": "xterm"}, False),
        (True, 59, 36, {"TERM": "xterm"}, False),
        (True, 120, 11, {"TERM": "xterm"}, False),
        (True, 120, 36, {"TERM": "dumb"}, False),
        (True, 120, 36, {"TERM": "unknown"}, False),
        (True, 120, 36, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (True, 120, 36, {"TERM": "xterm", "NO_COLOR": ""}, True),
    ],
)
def test_the_view_is_live_where_it_can_be(
    is_terminal: bool, columns: int, lines: int, environ: Mapping[str, str], live: bool
) -> None:
    """A terminal that can draw, is large enough, and whose owner does not object."""
    assert is_live(is_terminal=is_terminal, columns=columns, lines=lines, environ=environ) is live


def test_a_file_gets_no_control_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also not when the environment asks for colours everywhere; its lines are 100 columns wide."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.delenv("COLUMNS", raising=False)
    file = io.StringIO()
    console, live = open_console(file)
    console.print(Text("bold", style="bold red"), style="green")
    console.print("[red]a regular expression [A-Z]{3} :smile: 'quoted'")
    assert not live
    assert file.getvalue() == "bold\n[red]a regular expression [A-Z]{3} :smile: 'quoted'\n"
    assert console.width == 100
