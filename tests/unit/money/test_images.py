"""The most tokens of an image, by the rules that providers publish."""

from math import ceil, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.money.images import anthropic_image_tokens, image_tokens, openai_image_tokens
from streamproc.records.image import Detail

sides = st.integers(1, 20_000)


@pytest.mark.parametrize(
    ("model", "detail", "most"),
    [
        ("gpt-4o", "low", 85),
        ("gpt-4o", "high", 85 + 8 * 170),
        ("gpt-4o-2024-08-06", None, 85 + 8 * 170),
        ("gpt-4o-mini", "auto", 2833 + 8 * 5667),
        ("gpt-5", "low", 70),
        ("o3", "high", 75 + 8 * 150),
        ("gpt-5.4", "high", 3001),
        ("gpt-5.4", "low", 7374),
        ("gpt-5.5", "low", 309),
        ("gpt-5.5", None, 12_001),
        ("gpt-5.6-sol", "high", 3001),
        ("gpt-5.6-sol", "auto", 36_001),
        ("gpt-4.1-nano", "high", 15_116),
    ],
)
def test_a_family_of_openai_has_its_rule(model: str, detail: Detail | None, most: int) -> None:
    """Tiles and patches, by detail; a model that is not told takes its own choice, as if it were `auto`."""
    assert openai_image_tokens(model, detail) == most


@pytest.mark.parametrize(
    "model", ["gpt-4", "gpt-4o-audio-preview", "gpt-5-image", "gpt-7", "llava", "openai/gpt-4o", ""]
)
def test_a_family_without_a_known_rule_has_no_bound(model: str) -> None:
    """A name that only begins like another one proves nothing."""
    assert openai_image_tokens(model, None) is None


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ("claude-3-5-haiku-latest", 1600),
        ("claude-3-opus-20240229", 1600),
        ("claude-sonnet-4-20250514", 1600),
        ("claude-opus-4-1-20250805", 1600),
        ("claude-haiku-4-5", 1600),
        ("claude-opus-4-6", 1600),
        ("claude-opus-4-7", 4784),
        ("claude-opus-4-10", 4784),
        ("claude-sonnet-5", 4784),
        ("claude-latest", 4784),
        ("gpt-4o", None),
    ],
)
def test_claude_s_limit_rose_with_4_7(model: str, most: int | None) -> None:
    """A name without a version is taken for the dearer kind."""
    assert anthropic_image_tokens(model, "low") == most


def test_the_owner_s_figure_goes_first_and_nobody_s_is_none() -> None:
    """A server nobody knows has no bound until its owner gives one; zero is a figure, too."""
    assert image_tokens("openai", 5)("gpt-4o", None) == 5
    assert image_tokens(None, 0)("llava", "high") == 0
    assert image_tokens(None, None)("gpt-4o", None) is None
    assert image_tokens("openai", None)("gpt-4o", "low") == 85
    assert image_tokens("anthropic", None)("claude-sonnet-5", None) == 4784


@given(sides, sides)
def test_no_size_costs_more_tiles_than_the_bound(width: int, height: int) -> None:
    """OpenAI's rule step by step: into a square of 2,048, a shorter side of 768, tiles of 512."""
    shrink = min(1.0, 2048 / max(width, height))
    shrink *= min(1.0, 768 / (min(width, height) * shrink))
    tiles = ceil(width * shrink / 512) * ceil(height * shrink / 512)
    assert 85 + 170 * tiles <= (openai_image_tokens("gpt-4o", "high") or 0)


@given(sides, sides)
def test_no_size_costs_more_patches_than_the_bound(width: int, height: int) -> None:
    """The same for patches of 32 with a budget of 2,500 and a longest side of 2,048, times 1.2."""
    fit = min(1.0, 2048 / max(width, height))
    wide, high = max(1, round(width * fit)), max(1, round(height * fit))
    if ceil(wide / 32) * ceil(high / 32) > 2500:
        shrink = sqrt(32**2 * 2500 / (wide * high))
        columns, rows = wide * shrink / 32, high * shrink / 32
        shrink *= min(int(columns) / columns, int(rows) / rows)
        wide, high = int(wide * shrink), int(high * shrink)
    patches = ceil(wide / 32) * ceil(high / 32)
    assert ceil(patches * 1.2) <= (openai_image_tokens("gpt-5.4", "high") or 0)
