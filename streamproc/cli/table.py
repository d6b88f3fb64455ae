"""Rows as lines: aligned with a heading for a terminal, parted by tabs elsewhere."""

from collections.abc import Iterable, Iterator, Sequence

__all__ = ["lines"]


def lines(head: Sequence[str], rows: Iterable[Sequence[str]], *, aligned: bool) -> Iterator[str]:
    """The first and the last column are texts, those between are numbers."""
    if not aligned:
        yield from ("\t".join(row) for row in rows)
        return
    everything = [head, *rows]
    widths = [max(len(row[column]) for row in everything) for column in range(len(head))]
    for first, *numbers, last in everything:
        middle = (number.rjust(width) for number, width in zip(numbers, widths[1:], strict=False))
        yield "  ".join((first.ljust(widths[0]), *middle, last))
