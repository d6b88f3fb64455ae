"""Routes in the settings: what cannot be is refused at the start, with the names of what does not go together."""

from typing import Any, cast

import pytest

from streamproc.chain.routes import Rule
from streamproc.errors import SetupError
from streamproc.route_rules import VariantName, load_rules
from streamproc.settings.settings import Settings
from tests.fakes import a_request

PROVIDERS = {name: {"kind": "scripted", "models": ["m", "n"]} for name in ("p", "q")}


def settings(**routes: Any) -> Settings:
    """Settings with two providers and these routes."""
    return Settings.model_validate({"providers": PROVIDERS, "routes": routes})


def route(**variants: Any) -> dict[str, Any]:
    """A route with these variants; what is only a list is what a variant uses."""
    return {"variants": {name: {"use": own} if isinstance(own, list) else own for name, own in variants.items()}}


GOOD = route(v=["p/m"])


@pytest.mark.parametrize(
    ("routes", "says"),
    [
        ({"m": GOOD}, "routes.m: provider 'p' has a model of the name 'm'"),
        ({"p/x": GOOD}, "routes: 'p/x' must be lower-case letters and digits"),
        ({"r": route(V=["p/m"])}, "routes.r.variants: 'V' must be lower-case"),
        ({"r": {**GOOD, "fallback": "r"}}, "routes.r: fallback goes in a circle, from r to r"),
        ({"r": {**GOOD, "fallback": "s"}}, "routes.r: fallback 's' is no route"),
        (
            {"r": {**GOOD, "fallback": "s"}, "s": {**GOOD, "fallback": "t"}, "t": {**GOOD, "fallback": "s"}},
            "routes.r: fallback goes in a circle, from s to t to s",
        ),
        ({"r": route(v=["x/m"])}, "routes.r.variants.v: use names 'x/m', and there is no provider 'x'"),
        ({"r": route(v=["m"])}, "routes.r.variants.v: use names 'm', and there is no provider 'm'"),
        ({"r": route(v=["p/o"])}, "routes.r.variants.v: use names 'p/o', and provider 'p' has no model 'o'"),
        ({"r": route(v=["p/m", "q/m", "p/m"])}, "routes.r.variants.v: use names 'p/m' twice"),
        (
            {"r": route(v={"use": ["p/m"], "weight": 0}, w={"use": ["q/m"], "weight": 0})},
            "routes.r: weights add to zero among 'v' and 'w', which have the same conditions",
        ),
        (
            {"r": route(v=["p/m"], w={"use": ["q/m"], "weight": 0, "when": {"tools": True}})},
            "routes.r: weights add to zero among 'w'",
        ),
        ({"r": {"variants": {}}}, "routes.r.variants\n  Dictionary should have at least 1 item"),
        ({"r": route(v={"weight": 1})}, "routes.r.variants.v.use\n  Field required"),
        ({"r": route(v=[])}, "routes.r.variants.v.use\n  Tuple should have at least 1 item"),
        (
            {"r": route(v={"use": ["p/m"], "when": {"min_prompt_tokens": 2, "max_prompt_tokens": 1}})},
            "min_prompt_tokens (2) must not exceed max_prompt_tokens (1)",
        ),
        (
            {"r": route(v={"use": ["p/m"], "when": {"min_seconds_left": 2, "max_seconds_left": 1}})},
            "min_seconds_left (2) must not exceed max_seconds_left (1)",
        ),
        ({"r": route(v={"use": ["p/m"], "when": {"rule": "not a function"}})}, "routes.r.variants.v.when.rule"),
    ],
)
def test_what_cannot_be_is_refused(routes: dict[str, Any], says: str) -> None:
    """In one sentence."""
    with pytest.raises(ValueError, match="validation error") as refused:
        settings(**routes)
    assert says in str(refused.value)


def test_variants_with_the_very_same_conditions_belong_together() -> None:
    """Wherever they stand: the order is that of the first ones. A variant may rest while another has weight."""
    tools = {"use": ["p/m"], "when": {"tools": True}}
    found = settings(r=route(a=tools, b=["p/m"], c={**tools, "weight": 0}, d=["q/m"], e={**tools, "use": ["q/n"]}))
    assert found.routes["r"].groups() == (("a", "c", "e"), ("b", "d"))


def test_rules_are_imported_once() -> None:
    """Any function of any module."""
    rules = load_rules(settings(r=route(v={"use": ["p/m"], "when": {"rule": "tests.fakes:a_request"}})).routes)
    assert dict(rules) == {VariantName("r", "v"): cast("Rule", a_request)}


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("no.such.module:f", "routes.r.variants.v.when.rule: cannot import 'no.such.module': ModuleNotFoundError"),
        ("tests.fakes:nothing", "routes.r.variants.v.when.rule: 'tests.fakes' has no function 'nothing'"),
        ("tests.fakes:NOW", "routes.r.variants.v.when.rule: 'tests.fakes' has no function 'NOW'"),
    ],
)
def test_a_rule_that_is_not_there_is_refused(rule: str, says: str) -> None:
    """At the start, before a request meets it."""
    with pytest.raises(SetupError) as refused:
        load_rules(settings(r=route(v={"use": ["p/m"], "when": {"rule": rule}})).routes)
    assert str(refused.value).startswith(says)
