"""Files of JSON lines that commands read: all lines are looked at before anything is done, wrong ones by number."""

import codecs
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from streamproc.errors import InvalidRequest, SetupError

__all__ = ["Line", "name_of", "parse_lines", "read_bytes", "read_lines"]

_MOST_BAD_LINES_TOLD = 5

Parsed = TypeVar("Parsed")


class Line(NamedTuple):
    """A line that is not blank, with its number in the file."""

    number: int
    content: bytes


def name_of(file: str) -> str:
    """What a file is called in sentences."""
    return "standard input" if file == "-" else file


def read_bytes(file: str) -> bytes:
    """A file, or standard input for `-`, without a byte order mark.

    Raises:
        SetupError: it cannot be read.
    """
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as exc:
        raise SetupError(f"cannot read {file}: {exc.strerror or exc}") from exc
    return content.removeprefix(codecs.BOM_UTF8)


def read_lines(file: str) -> list[Line]:
    """The lines of a file, or of standard input for `-`.

    Raises:
        SetupError: it cannot be read.
    """
    lines = read_bytes(file).splitlines()
    return [Line(number, content) for number, content in enumerate(lines, 1) if content.strip()]


def parse_lines(lines: Sequence[Line], parse: Callable[[bytes], Parsed], wrong: str) -> list[Parsed]:
    """What is in the lines.

    Args:
        lines: of one file.
        parse: raises `InvalidRequest` for a line that is wrong.
        wrong: how the sentence begins.

    Raises:
        SetupError: lines are wrong; names the first ones with what is wrong in them.
    """
    found: list[Parsed] = []
    bad: list[str] = []
    for line in lines:
        try:
            found.append(parse(line.content))
        except InvalidRequest as error:
            bad.append(f"line {line.number}: {error}")
    if bad:
        told = "\n  ".join(bad[:_MOST_BAD_LINES_TOLD])
        more = f"\n  and {len(bad) - _MOST_BAD_LINES_TOLD} more lines" if len(bad) > _MOST_BAD_LINES_TOLD else ""
        raise SetupError(f"{wrong}:\n  {told}{more}")
    return found
