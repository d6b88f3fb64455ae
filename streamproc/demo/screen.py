"""The screen: what kind of output there is, and a console that fits it."""

import os
from collections.abc import Mapping
from typing import TextIO

from rich.console import Console

__all__ = ["is_live", "open_console"]

_FILE_COLUMNS = 100
_LEAST_COLUMNS = 60
_LEAST_LINES = 12


def is_live(*, is_terminal: bool, columns: int, lines: int, environ: Mapping[str, str]) -> bool:
    """Whether a view can be drawn over and over: on a terminal that can, is large enough, and whose owner agrees.

    NO_COLOR (https://no-color.org/) counts as a wish for plain lines.
    """
    if not is_terminal or environ.get("NO_COLOR") or environ.get("TERM") in ("dumb", "unknown"):
        return False
    return columns >= _LEAST_COLUMNS and lines >= _LEAST_LINES


def open_console(file: TextIO) -> tuple[Console, bool]:
    """A console for this output, and whether a live view fits it. A plain one writes no control sequence."""
    is_terminal = file.isatty()
    console = Console(file=file, force_terminal=is_terminal, highlight=False, markup=False, emoji=False)
    if is_live(is_terminal=is_terminal, columns=console.width, lines=console.height, environ=os.environ):
        return console, True
    # Elsewhere than on a terminal nobody says how wide the reader's window is.
    width = console.width if is_terminal or os.environ.get("COLUMNS") else _FILE_COLUMNS
    plain = Console(
        file=file, force_terminal=False, color_system=None, width=width, highlight=False, markup=False, emoji=False
    )
    return plain, False
