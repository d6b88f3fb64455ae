"""A target: what is fed with any bytes, what must hold, and which bytes to begin with."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

__all__ = ["CUT", "Target", "any_cut"]

_CUTS = 4

CUT = bytes((0, 6, 24, 60))
"""The first bytes of an input that is a stream: how it is cut. This is into pieces of 1, 7, 25 and 61 bytes by turns."""


class Target(NamedTuple):
    """One reader of bytes.

    Attributes:
        check: raises for an input with which something is wrong: any error that is not of the tree, or an
            `AssertionError`.
        seeds: inputs to begin with.
        words: pieces of bytes that are worth trying.
        longest: bytes of an input.
    """

    check: Callable[[bytes], None]
    seeds: Sequence[bytes]
    words: Sequence[bytes]
    longest: int = 512


def any_cut(data: bytes) -> tuple[bytes, tuple[list[bytes], list[bytes]]]:
    """A stream, and two ways to cut it: not at all, and as the input's first bytes say."""
    sizes, stream = [size % 64 + 1 for size in data[:_CUTS]] or [1], data[_CUTS:]
    pieces: list[bytes] = []
    begin = 0
    while begin < len(stream):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(stream[begin : begin + size])
        begin += size
    return stream, ([stream], pieces)
