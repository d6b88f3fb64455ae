"""The users' own rules of routes: functions that the settings name."""

import importlib
from collections.abc import Mapping
from typing import NamedTuple

from streamproc.chain.routes import Rule
from streamproc.errors import SetupError
from streamproc.settings.routes import RouteSettings

__all__ = ["VariantName", "load_rules"]


class VariantName(NamedTuple):
    """A variant of a route."""

    route: str
    variant: str


def load_rules(routes: Mapping[str, RouteSettings]) -> Mapping[VariantName, Rule]:
    """Imports the rules of all variants that have one.

    Raises:
        SetupError: a module cannot be imported, or has no such function; names the setting.
    """
    return {
        VariantName(name, own): _load(f"routes.{name}.variants.{own}.when.rule", variant.when.rule)
        for name, route in routes.items()
        for own, variant in route.variants.items()
        if variant.when.rule is not None
    }


def _load(place: str, rule: str) -> Rule:
    module, _, function = rule.partition(":")
    try:
        found = getattr(importlib.import_module(module), function, None)
    except Exception as exc:  # a user's module may raise anything on its way in
        raise SetupError(f"{place}: cannot import {module!r}: {exc!r:.300}") from exc
    if not callable(found):
        raise SetupError(f"{place}: {module!r} has no function {function!r}")
    checked: Rule = found
    return checked
