"""How many examples a property is tried with: all of them in CI, two of five in everybody's `make test`."""

import os

from hypothesis import settings

__all__ = ["PERCENT", "examples"]

PERCENT = int(os.environ.get("STREAMPROC_TEST_EXAMPLES", "40"))
"""Of the examples; and their number for a property that says nothing of it."""


def examples(number: int) -> settings:
    """Settings of a property that needs more than a hundred of them, or for which fewer are enough."""
    return settings(max_examples=max(1, number * PERCENT // 100))
