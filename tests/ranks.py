"""The ranks of tokens: whoever counts in a process gets the same ones.

To load them takes a third of a second and 80 MB; hundreds of workers and counters of the tests ask for them, and nobody
changes them.
"""

import functools
from typing import Any
from unittest import mock

from streamproc.money.encodings import load_encoding

__all__ = ["ranks_kept"]


def ranks_kept() -> "mock._patch[Any]":
    """Inside the block, counters of tokens load each encoding once for all of them."""
    return mock.patch("streamproc.money.tokens.load_encoding", functools.cache(load_encoding))
