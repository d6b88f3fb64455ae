"""The page of guarantees names tests that are there, and leaves no row of the failure table out."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
CHAOS = (ROOT / "docs" / "chaos.md").read_text(encoding="utf-8")
ROWS = list(range(1, 26))


def names_of_tests(folder: Path) -> set[str]:
    """Names of all tests below a folder."""
    return {
        name
        for path in folder.rglob("test_*.py")
        for name in re.findall(r"^ *(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }


def test_each_row_names_a_test_that_is_there() -> None:
    """A row whose test was renamed or taken out would promise what nobody checks."""
    rows = dict(re.findall(r"^\| (\d+) \|.*\| `(test_\w+)` \|$", PAGE, re.MULTILINE))
    assert [int(number) for number in rows] == ROWS
    assert set(rows.values()) - names_of_tests(ROOT / "tests" / "chaos") == set()


def test_each_row_names_a_test_that_was_seen_failing() -> None:
    """No row without a guard that was taken out, and each test named there is still to be found."""
    rows = re.findall(r"^\| (\d+) \|.* \| (`test_.*) \|$", CHAOS, re.MULTILINE)
    assert sorted({int(number) for number, _ in rows}) == ROWS
    named = set(re.findall(r"`(test_\w+)`", CHAOS))
    assert named - names_of_tests(ROOT / "tests") == set()
