"""How `offsets` shows places and reads where to."""

import pytest

from streamproc.cli.offsets_reset import parse_target
from streamproc.cli.table import lines
from streamproc.errors import SetupError
from streamproc.kafka.reset import Target
from tests.fakes import NOW


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("earliest", Target("earliest")),
        ("latest", Target("latest")),
        ("current", Target("current")),
        ("0", Target("offset", 0)),
        ("12", Target("offset", 12)),
        ("2h", Target("time", int((NOW - 7200) * 1000))),
        ("1970-01-02T00:00:00Z", Target("time", 86_400_000)),
    ],
)
def test_every_target_is_read(text: str, target: Target) -> None:
    """Digits alone are an offset; with a unit they are a duration."""
    assert parse_target(text, NOW) == target


@pytest.mark.parametrize("text", ["", "now", "-1", "1.5", "2026-01-31", "2026-01-31T12:00:00", "٣"])
def test_what_is_no_target_is_refused(text: str) -> None:
    """With all that would be one."""
    with pytest.raises(SetupError, match="is not earliest, latest, current, an offset, an RFC 3339 time"):
        parse_target(text, NOW)


def test_a_terminal_gets_columns_and_a_pipe_gets_tabs() -> None:
    """A program that reads them wants no heading."""
    head, rows = ("TOPIC", "LAG", "METADATA"), [("a", "1", "ours"), ("longer", "1000", "none")]
    assert list(lines(head, rows, aligned=True)) == [
        "TOPIC    LAG  METADATA",
        "a          1  ours",
        "longer  1000  none",
    ]
    assert list(lines(head, rows, aligned=False)) == ["a\t1\tours", "longer\t1000\tnone"]
