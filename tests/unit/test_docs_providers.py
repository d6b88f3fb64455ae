"""What the documentation says of each API is what the code does."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

import pytest

from streamproc.providers import (
    anthropic_answer,
    anthropic_request,
    ollama_request,
    openai_chat_request,
    openai_choices,
    openai_completions_request,
    openai_responses_answer,
    openai_responses_request,
)
from streamproc.settings.provider import ProviderSettings
from tests.unit.pages import ROOT, codes, table

PAGE = ROOT / "docs/providers.md"


@pytest.mark.parametrize(
    ("api", "allowed"),
    [
        ("Chat Completions", openai_chat_request.ALLOWED_EXTRAS),
        ("Responses", openai_responses_request.ALLOWED_EXTRAS),
        ("text completions", openai_completions_request.ALLOWED_EXTRAS),
        ("Anthropic", anthropic_request.ALLOWED_EXTRAS),
        ("Ollama", ollama_request.ALLOWED_EXTRAS),
    ],
)
def test_every_option_is_in_its_table(api: str, allowed: AbstractSet[str]) -> None:
    """And no other."""
    assert {name for row in table(PAGE, f"Options of {api} in extra") for name in codes(row[0])} == allowed


@pytest.mark.parametrize(
    ("api", "reasons"),
    [
        ("Anthropic", anthropic_answer.FINISH_REASONS),
        ("Chat Completions", openai_choices.FINISH_REASONS),
        ("Responses", openai_responses_answer.FINISH_REASONS),
    ],
)
def test_every_finish_reason_is_in_its_table(api: str, reasons: Mapping[str, str]) -> None:
    """With what it becomes; the last row is for those that end no answer."""
    rows = table(PAGE, f"Finish reasons of {api}")[:-1]
    assert {codes(row[0])[0]: codes(row[1])[0] for row in rows} == reasons


def test_every_setting_is_explained() -> None:
    """On the page of providers, or beside prices."""
    told = {name for row in table(PAGE, "Settings of a provider") for name in codes(row[0])}
    beside_prices = {"price_provider", "prices", "image_tokens", "max_tokens_field"}
    assert told | beside_prices == ProviderSettings.model_fields.keys()
    pages = (PAGE.read_text(encoding="utf-8"), (ROOT / "docs/money.md").read_text(encoding="utf-8"))
    assert [name for name in beside_prices if not any(name in page for page in pages)] == []
