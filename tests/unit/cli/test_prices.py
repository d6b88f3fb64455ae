"""`streamproc prices`: what models cost, and old bills by these prices."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streamproc.records.codec import encode_usage
from streamproc.records.usage import UsageLine
from tests.lines import a_line
from tests.unit.cli.inside import Said, say

SETTINGS = """
[providers.mine]
base_url = "http://127.0.0.1:1/v1"
models = ["m", "free"]

[providers.mine.prices.m]
input_usd = 1.0
output_usd = 2.0
cached_input_usd = 0.125

[[providers.mine.prices.m.steps]]
above_input_tokens = 1000
input_usd = 3.0
output_usd = 2.0

[providers.mine.prices.m.tiers.flex]
input_usd = 0.5
output_usd = 1.0

[[providers.mine.prices.m.later]]
valid_from = 2026-02-01
input_usd = 4.0
output_usd = 8.0
"""
EARLY = a_line(provider="mine", cost_nanos=23_000)
CHANGED = a_line(provider="mine", cost_nanos=20_000, tenant="acme")
LATE = a_line(provider="mine", cost_nanos=92_000, started_at=datetime(2026, 2, 1, tzinfo=UTC))


def lines_of(*lines: UsageLine) -> bytes:
    """A file of them."""
    return b"\n".join(encode_usage(line) for line in lines)


def said(folder: Path, *arguments: str, usage: bytes = b"") -> Said:
    """What the command says with these settings, and usage lines in a file."""
    (folder / "streamproc.toml").write_text(SETTINGS)
    (folder / "usage.jsonl").write_bytes(usage)
    return say("prices", *arguments, folder=folder)


def test_prices_by_tier_and_size(tmp_path: Path) -> None:
    """With the list they come from; one that is not known is exit code 1."""
    shown = said(tmp_path, "show", "--at", "2026-01-31T23:59:59Z")
    assert [line.split("\t") for line in shown.out.splitlines()] == [
        ["mine", "standard", "0", "1", "0.125", "1", "unknown", "2", "2", "0", "unknown", "m (settings)"],
        ["mine", "standard", "1000", "3", "3", "3", "unknown", "2", "2", "0", "unknown", "m (settings)"],
        ["mine", "flex", "0", "0.5", "0.5", "0.5", "unknown", "1", "1", "0", "unknown", "m (settings)"],
        ["mine", *["unknown"] * 10, "free"],
    ]
    assert (shown.code, shown.err) == (1, "")


def test_one_model_at_a_time(tmp_path: Path) -> None:
    """As JSON, for a script, by the price that holds then."""
    shown = said(tmp_path, "show", "mine/m", "--at", "2026-02-01T00:00:00Z", "--json")
    found = json.loads(shown.out)
    assert (shown.code, found["price_version"]) == (0, "settings from 2026-02-01T00:00:00Z")
    assert [(one["tier"], one["input_usd"], one["web_search_usd"]) for one in found["prices"]] == [
        ("standard", "4", None)
    ]


def test_a_file_of_usage_lines_is_priced_again(tmp_path: Path) -> None:
    """Each at its own time; what differs is exit code 1."""
    again = said(tmp_path, "again", "usage.jsonl", usage=lines_of(EARLY, LATE))
    assert (again.code, again.err) == (0, "")
    assert again.out == "default\t2\t$0.000115\t$0.000115\t$0.00\t0\t0\tmine/m\n"
    unknown = a_line(provider="gone", tenant="acme")
    again = said(tmp_path, "again", "usage.jsonl", "--json", usage=lines_of(CHANGED, EARLY, unknown))
    found = [json.loads(line) for line in again.out.splitlines()]
    assert again.code == 1
    assert [(one["tenant"], one["provider"], one["difference_usd"], one["unknown_again"]) for one in found] == [
        ("acme", "gone", "0.00", 1),
        ("acme", "mine", "0.000003", 0),
        ("default", "mine", "0.00", 0),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "other"), "no model 'other' in the settings; there are: mine/m, mine/free"),
        (("show", "--at", "soon"), "--at: 'soon' is neither an RFC 3339 time"),
        (("again",), "name a file of usage lines, or say --from-topic"),
        (
            ("again", "usage.jsonl"),
            "usage.jsonl has lines that are no usage lines:\n  line 1: usage_id: Field required",
        ),
    ],
)
def test_a_mistake_is_one_sentence(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    """Exit code 2."""
    wrong = said(tmp_path, *arguments, usage=b"{}")
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err.startswith(f"streamproc: {words}")
