"""What the documentation says of each API is what the code does."""

from collections.abc import Set as AbstractSet

import pytest

from streamproc.providers import anthropic_request, ollama_request
from streamproc.providers.anthropic_answer import FINISH_REASONS
from tests.unit.pages import ROOT, codes, table

PAGE = ROOT / "docs/providers.md"


@pytest.mark.parametrize(
    ("api", "allowed"), [("Anthropic", anthropic_request.ALLOWED_EXTRAS), ("Ollama", ollama_request.ALLOWED_EXTRAS)]
)
def test_every_option_is_in_its_table(api: str, allowed: AbstractSet[str]) -> None:
    """And no other."""
    assert {name for row in table(PAGE, f"Options of {api} in extra") for name in codes(row[0])} == allowed


def test_every_finish_reason_is_in_its_table() -> None:
    """With what it becomes; the last row is for those that nobody knows yet."""
    rows = table(PAGE, "Finish reasons of Anthropic")[:-1]
    assert {codes(row[0])[0]: codes(row[1])[0] for row in rows} == FINISH_REASONS
