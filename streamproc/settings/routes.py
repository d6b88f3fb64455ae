"""Routes: names that requests may ask for as their model, and what answers them."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from streamproc.settings.group import Group
from streamproc.settings.provider import ProviderSettings

__all__ = ["RouteSettings", "Sticky", "VariantSettings", "WhenSettings", "check_routes"]

Sticky = Literal["tenant", "user", "request"]

_NAME = r"[a-z0-9]+([._-][a-z0-9]+)*"


class WhenSettings(Group):
    """Conditions of a variant; all that are stated have to hold."""

    min_prompt_tokens: int | None = Field(None, ge=0, description="By estimate: a token for four bytes of the request.")
    max_prompt_tokens: int | None = Field(None, ge=0, description="By the same estimate.")
    tools: bool | None = Field(None, description="Whether the request has tools.")
    images: bool | None = Field(None, description="Whether it has images.")
    json_schema: bool | None = Field(None, description="Whether it asks for an answer by a JSON Schema.")
    max_usd: float | None = Field(
        None, ge=0, description="The call with the variant's first model costs at most that, in US dollars."
    )
    min_seconds_left: float | None = Field(None, ge=0, description="Until the deadline.")
    max_seconds_left: float | None = Field(None, ge=0, description="Until the deadline.")
    spent_share: float | None = Field(
        None, gt=0, le=1, description="So much is spent of a budget that covers the request."
    )
    rule: str | None = Field(
        None,
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$",
        description="module:function, which takes the request and says whether it is for this variant.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for unit in ("prompt_tokens", "seconds_left"):
            least, most = getattr(self, f"min_{unit}"), getattr(self, f"max_{unit}")
            if least is not None and most is not None and least > most:
                raise ValueError(f"min_{unit} ({least:g}) must not exceed max_{unit} ({most:g})")
        return self

    @property
    def changes(self) -> bool:
        """Whether the same request may fulfil it at one time and not at another."""
        return any(one is not None for one in (self.min_seconds_left, self.max_seconds_left, self.spent_share))


class VariantSettings(Group):
    """One way to answer."""

    use: tuple[str, ...] = Field(..., min_length=1, description="provider/model, and what it falls back to, in order.")
    weight: float = Field(1, ge=0, description="Its part among the variants with the very same conditions.")
    when: WhenSettings = Field(default_factory=lambda: WhenSettings(), description="Conditions.")


class RouteSettings(Group):
    """A name for variants. The first whose conditions hold answers, or one of those with the very same conditions."""

    sticky: Sticky = Field(
        "tenant", description="Who stays with one variant, where weights decide; without a user it is the tenant."
    )
    max_wait_seconds: float = Field(
        1, ge=0, description="A limit that holds a model for longer gives the request to the next one."
    )
    fallback: str | None = Field(None, description="The route whose models follow when none of its own answers.")
    degraded_text: str | None = Field(
        None, min_length=1, description="For requests that take it when nobody can answer (`if_unavailable`)."
    )
    variants: dict[str, VariantSettings] = Field(..., min_length=1, description="In the order in which they are tried.")

    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Names of the variants with the very same conditions together, in the order of their first ones."""
        found: dict[WhenSettings, list[str]] = {}
        for name, variant in self.variants.items():
            found.setdefault(variant.when, []).append(name)
        return tuple(map(tuple, found.values()))


def check_routes(routes: Mapping[str, RouteSettings], providers: Mapping[str, ProviderSettings]) -> None:
    """Refuses routes that cannot be.

    Raises:
        ValueError: one sentence with the names of what does not go together.
    """
    for name, route in routes.items():
        _check_name(name, providers)
        for own, variant in route.variants.items():
            _check_name_of_variant(name, own)
            _check_use(f"routes.{name}.variants.{own}", variant.use, providers)
        for group in route.groups():
            if not any(route.variants[own].weight for own in group):
                names = " and ".join(map(repr, group))
                raise ValueError(f"routes.{name}: weights add to zero among {names}, which have the same conditions")
        _check_fallback(name, routes)


def _check_name(name: str, providers: Mapping[str, ProviderSettings]) -> None:
    if not re.fullmatch(_NAME, name):
        raise ValueError(f"routes: {name!r} must be lower-case letters and digits, with single . _ - between them")
    for provider, own in providers.items():
        if name in own.models:
            raise ValueError(f"routes.{name}: provider {provider!r} has a model of the name {name!r}")


def _check_name_of_variant(route: str, name: str) -> None:
    if not re.fullmatch(_NAME, name):
        raise ValueError(
            f"routes.{route}.variants: {name!r} must be lower-case letters and digits, with single . _ - between them"
        )


def _check_use(place: str, use: Collection[str], providers: Mapping[str, ProviderSettings]) -> None:
    for name in use:
        provider, _, model = name.partition("/")
        if provider not in providers:
            raise ValueError(f"{place}: use names {name!r}, and there is no provider {provider!r}")
        if model not in providers[provider].models:
            raise ValueError(f"{place}: use names {name!r}, and provider {provider!r} has no model {model!r}")
    twice = next((name for name, count in Counter(use).items() if count > 1), None)
    if twice is not None:
        raise ValueError(f"{place}: use names {twice!r} twice")


def _check_fallback(name: str, routes: Mapping[str, RouteSettings]) -> None:
    passed = [name]
    while (following := routes[passed[-1]].fallback) is not None:
        if following not in routes:
            raise ValueError(f"routes.{passed[-1]}: fallback {following!r} is no route")
        if following in passed:
            circle = " to ".join((*passed[passed.index(following) :], following))
            raise ValueError(f"routes.{name}: fallback goes in a circle, from {circle}")
        passed.append(following)
