"""The most tokens an image can cost, by what the providers publish about their models.

Every formula ends at a largest size, to which the provider shrinks an image or above which it refuses one. That
largest size bounds all images, whoever may say what about their width and height, and also one behind an address.

Sources: https://developers.openai.com/api/docs/guides/images-vision (sizes, multipliers, tiles) and
https://platform.claude.com/docs/en/build-with-claude/vision (patches of 28 pixels, 1,568 or 4,784 tokens).
"""

import re
from collections.abc import Callable
from typing import Literal, NamedTuple

from streamproc.records.image import Detail

__all__ = ["ImageTokens", "Vendor", "anthropic_image_tokens", "image_tokens", "openai_image_tokens", "vendor_of"]

ImageTokens = Callable[[str, Detail | None], int | None]
"""The most tokens of an image for a model, at a detail; None: it has no known bound."""

Vendor = Literal["openai", "anthropic"]


class _Bounds(NamedTuple):
    """Tokens by detail; `auto` is what a model does that is not told."""

    low: int
    auto: int
    high: int


def _tiles(base: int, tile: int) -> _Bounds:
    # Within 2048 x 2048 and with a shorter side of 768, an image covers at most 4 x 2 tiles of 512.
    most = base + 8 * tile
    return _Bounds(base, most, most)


def _patches(percent: int, *, low: int = 6144, auto: int = 6144, high: int = 6144) -> _Bounds:
    # One token more: rounding in billing may differ by one.
    return _Bounds(*(-(-patches * percent // 100) + 1 for patches in (low, auto, high)))


_SMALL = 16 * 16  # patches of 32 in 512 x 512
_GPT_56 = _patches(120, low=_SMALL, auto=30_000, high=2500)
_GPT_54 = _patches(120, auto=2500, high=2500)

_OPENAI = {
    "gpt-4o": _tiles(85, 170),
    "gpt-4o-mini": _tiles(2833, 5667),
    "gpt-4.1": _tiles(85, 170),
    "gpt-4.1-mini": _patches(162),
    "gpt-4.1-nano": _patches(246),
    "gpt-5": _tiles(70, 140),
    "gpt-5-mini": _patches(162),
    "gpt-5-nano": _patches(246),
    "gpt-5.1": _tiles(70, 140),
    "gpt-5.2": _patches(120),
    "gpt-5.4": _GPT_54,
    "gpt-5.4-mini": _GPT_54,
    "gpt-5.4-nano": _GPT_54,
    "gpt-5.5": _patches(120, low=_SMALL, auto=10_000, high=2500),
    "gpt-5.6-sol": _GPT_56,
    "gpt-5.6-terra": _GPT_56,
    "gpt-5.6-luna": _GPT_56,
    "gpt-6-astra": _GPT_56,
    "o1": _tiles(75, 150),
    "o1-pro": _tiles(75, 150),
    "o3": _tiles(75, 150),
    "o4-mini": _patches(172),
}
"""By family. Where the guide named a dearer multiplier or a larger size earlier, that one stands here."""

_DATE = re.compile(r"-\d{4}-\d{2}-\d{2}$")

_CLAUDE_BEFORE_4_7 = re.compile(r"claude-(2|3|(opus|sonnet|haiku)-4(-[0-6])?(-\d{8})?$)")
_CLAUDE_OLD = 1600  # 1,568, which the guide once gave as about 1,600
_CLAUDE = 4784


def openai_image_tokens(model: str, detail: Detail | None) -> int | None:
    """The bound for a model of OpenAI's own service; None for a family whose rule is not known."""
    bounds = _OPENAI.get(_DATE.sub("", model))
    return None if bounds is None else getattr(bounds, detail or "auto")


def anthropic_image_tokens(model: str, detail: Detail | None) -> int | None:
    """The bound for a model of Anthropic's own service, which knows no detail; None for a name that is no Claude's."""
    del detail
    if not model.startswith("claude"):
        return None
    return _CLAUDE_OLD if _CLAUDE_BEFORE_4_7.match(model) else _CLAUDE


def image_tokens(vendor: Vendor | None, own: int | None) -> ImageTokens:
    """The rule of a provider: the owner's figure, else the vendor's published formula, else none."""
    if own is not None:
        return lambda _model, _detail: own
    if vendor == "openai":
        return openai_image_tokens
    return anthropic_image_tokens if vendor == "anthropic" else lambda _model, _detail: None


def vendor_of(base_url: str) -> Vendor | None:
    """Whose own service an address is.

    By the address alone: under a model's name anybody may serve another one, with a tokenizer of its own.
    """
    if base_url.startswith("https://api.openai.com/"):
        return "openai"
    return "anthropic" if base_url.startswith("https://api.anthropic.com/") else None
