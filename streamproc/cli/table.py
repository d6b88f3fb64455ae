"""Rows as lines: aligned with a heading for a terminal, parted by tabs elsewhere.

Whoever writes to a topic chooses names that stand in them: none makes a line of its own, or speaks to the terminal.
"""

from collections.abc import Iterable, Iterator, Sequence

__all__ = ["lines", "one_line"]


def lines(head: Sequence[str], rows: Iterable[Sequence[str]], *, aligned: bool) -> Iterator[str]:
    """The first and the last column are texts, those between are numbers."""
    found = [[one_line(cell) for cell in row] for row in rows]
    if not aligned:
        yield from ("\t".join(row) for row in found)
        return
    everything = [head, *found]
    widths = [max(len(row[column]) for row in everything) for column in range(len(head))]
    for first, *numbers, last in everything:
        middle = (number.rjust(width) for number, width in zip(numbers, widths[1:], strict=False))
        yield "  ".join((first.ljust(widths[0]), *middle, last))


def one_line(text: str) -> str:
    """A text of somebody else, without line breaks, tabs and words to the terminal."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
