"""Own prices as they stand in a settings file: what is accepted, and which sentence refuses the rest."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from streamproc.errors import SetupError
from streamproc.settings.load import load_settings
from streamproc.settings.prices import PriceSettings

HEAD = """
[providers.mine]
models = ["m"]

[providers.mine.prices."m"]
input_usd = 1
output_usd = 2
"""
LATER = """
[[providers.mine.prices."m".later]]
valid_from = {}
input_usd = 1
output_usd = 2
"""
STEP = """
[[providers.mine.prices."m".steps]]
above_input_tokens = {}
input_usd = 1
output_usd = 2
"""


def price_in(text: str, folder: Path) -> PriceSettings:
    """The price of a settings file."""
    (folder / "streamproc.toml").write_text(text)
    return load_settings(folder / "streamproc.toml").providers["mine"].prices["m"]


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ('"2026-03-01"', datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T02:00:00+02:00", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T00:00:00Z", datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_date_begins_in_utc(written: str, moment: datetime, tmp_path: Path) -> None:
    """And a time says its zone."""
    assert price_in(HEAD + f"valid_from = {written}\n", tmp_path).valid_from == moment
    assert [later.valid_from for later in price_in(HEAD + LATER.format(written), tmp_path).later] == [moment]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD.replace("input_usd = 1", "input_usd = -1"), r"prices\.m\.input_usd: .* greater than or equal to 0"),
        (HEAD + "web_search_usd = -0.1", r"prices\.m\.web_search_usd: .* greater than or equal to 0"),
        (HEAD.replace("input_usd = 1", "input_usd = nan"), r"prices\.m\.input_usd: .* finite"),
        (HEAD + "valid_from = 2026-03-01T00:00:00", r"prices\.m\.valid_from: .* timezone"),
        (HEAD + 'valid_from = "2026-02-31"', r"prices\.m\.valid_from: day "),
        (HEAD + LATER.replace("valid_from = {}", ""), r"prices\.m\.later\.0\.valid_from: Field required"),
        (
            HEAD + LATER.format("2026-03-01") + LATER.format("2026-03-01"),
            r"prices\.m: later: a price is valid from 2026-03-01T00:00:00\+00:00, which is not after 2026-03-01T00:00:00",
        ),
        (
            HEAD + "valid_from = 2026-05-01\n" + LATER.format("2026-03-01"),
            r"which is not after 2026-05-01T00:00:00\+00:00, when the one before it begins: the two periods would overlap",
        ),
        (
            HEAD + STEP.format(1000) + STEP.format(1000),
            r"steps: above_input_tokens 1000 comes after 1000, and must be larg",
        ),
        (HEAD + STEP.format(0), r"prices\.m\.steps\.0\.above_input_tokens: .* greater than or equal to 1"),
        (HEAD + "steps = 7", r"prices\.m\.steps"),
    ],
)
def test_what_is_no_price_is_one_sentence(text: str, words: str, tmp_path: Path) -> None:
    """It names the place."""
    with pytest.raises(SetupError, match=words):
        price_in(text, tmp_path)
