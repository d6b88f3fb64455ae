"""Plans: what a route gives a request."""

from typing import Any

import pytest

from streamproc.errors import InvalidRequest
from streamproc.observe.route_events import RuleFailed
from streamproc.records.request import Request
from tests.fakes import a_request, asked
from tests.unit.routing_rig import PRICE, Rig, one, variants

TOOL = {"type": "function", "function": {"name": "f"}}


def asks_for_tea(request: Request) -> bool:
    """A user's rule."""
    return "tea" in str(request.messages[0].content)


def breaks(request: Request) -> bool:
    """A user's rule with a defect."""
    raise KeyError(request.metadata)


def test_a_plain_model_is_a_plan_of_one() -> None:
    """Nothing stands in front of its chain, and it has no variant."""
    plan = Rig(one("p/m")).chains.leave.plan(asked(a_request(model="q/n")))
    assert (plan.queue, plan.route, plan.variant, plan.changes) == ("q/n", None, None, False)
    assert plan.chain is plan.choices[0].provider


def test_a_variant_has_its_models_in_order() -> None:
    """All requests that get the same have the same plan."""
    rig = Rig(one("p/m", "q/n"))
    assert rig.places() == ["p/m", "q/n"]
    plan = rig.chains.leave.plan(asked(a_request(model="r")))
    assert (plan.queue, plan.route, plan.variant) == ("r:v p/m q/n", "r", "v")
    assert rig.chains.leave.plan(asked(a_request(model="r", request_id="other"))) is plan


def test_a_fallback_route_comes_behind() -> None:
    """By its own conditions, and without the models that are there already."""
    routes = one("p/m", "q/n", fallback="t")
    routes["t"] = {"variants": {"w": {"use": ["s/o"], "when": {"tools": True}}, "x": {"use": ["q/n", "s/o"]}}}
    assert Rig(routes).places() == ["p/m", "q/n", "s/o"]
    routes["t"]["variants"]["x"] = {"use": ["p/dear"]}
    assert Rig(routes).places(a_request(model="r", tools=[TOOL])) == ["p/m", "q/n", "s/o"]


def test_a_model_that_cannot_take_the_request_is_left_out() -> None:
    """By what the settings say of it; a variant without any is passed over, and so is a route."""
    facts = {"p": {"facts": {"m": {"tools": False}}}}
    tools = a_request(model="r", tools=[TOOL])
    rig = Rig(one("p/m", "q/n"), providers=facts)
    assert (rig.places(), rig.places(tools)) == (["p/m", "q/n"], ["q/n"])
    assert rig.chains.leave.plan(asked(tools)).queue == "r:v q/n"
    rig = Rig(variants(v={"use": ["p/m"]}, w={"use": ["q/n"]}), providers=facts)
    assert {rig.variant(tools, tenant=f"t{number}") for number in range(30)} == {"w"}
    assert {rig.variant(tenant=f"t{number}") for number in range(30)} == {"v", "w"}
    routes = {**one("p/m", fallback="t"), "t": {"variants": {"x": {"use": ["q/n"]}}}}
    plan = Rig(routes, providers=facts).chains.leave.plan(asked(tools))
    assert (plan.route, plan.variant, [choice.place for choice in plan.choices]) == ("t", "x", ["q/n"])


def test_a_model_without_a_price_is_left_out() -> None:
    """Also where that is allowed, when the request bounds its cost."""
    free: dict[str, Any] = {"p": {"prices": {}}}
    assert Rig(one("p/m", "q/n"), providers=free).places() == ["q/n"]
    allowed = Rig(one("p/m", "q/n"), providers=free, allow_unpriced=True)
    assert allowed.places() == ["p/m", "q/n"]
    assert allowed.places(a_request(model="r", max_cost_usd=1)) == ["q/n"]


def test_a_context_that_seems_too_small_comes_last() -> None:
    """Sizes are estimates: where there is nothing larger, the provider has the last word."""
    facts = {"p": {"facts": {"m": {"context_tokens": 2000}}}}
    routes = variants(v={"use": ["p/m"], "when": {"tools": False}}, w={"use": ["q/n", "p/m"]})
    rig = Rig(routes, providers=facts)
    assert rig.places(size_bytes=3000) == ["p/m"]
    assert rig.places(size_bytes=4000) == ["q/n"]
    assert Rig(one("p/m"), providers=facts).places(size_bytes=4000) == ["p/m"]


def test_nobody_left_is_the_first_reason() -> None:
    """As a plain model's: a dead letter with a sentence."""
    rig = Rig(one("p/m", "q/n"), providers={"p": {"facts": {"m": {"tools": False}}}, "q": {"prices": {}}})
    with pytest.raises(InvalidRequest, match="calls no tools") as refused:
        rig.places(a_request(model="r", tools=[TOOL]))
    assert refused.value.code == "option_not_supported"
    rig = Rig(variants(v={"use": ["p/m"], "when": {"tools": True}}))
    with pytest.raises(InvalidRequest, match="no variant of route 'r' is for this request") as refused:
        rig.places()
    assert refused.value.code == "no_variant"


def test_the_first_conditions_that_hold_decide() -> None:
    """In the order of the settings."""
    routes = variants(
        long={"use": ["p/m"], "when": {"min_prompt_tokens": 1000}},
        late={"use": ["q/n"], "when": {"max_seconds_left": 30}},
        rest={"use": ["s/o"]},
    )
    rig = Rig(routes)
    assert rig.variant(size_bytes=4000, deadline=rig.clock.now + 5) == "long"
    assert rig.variant(deadline=rig.clock.now + 5) == "late"
    assert rig.variant() == "rest"


def test_a_price_ceiling_looks_at_the_first_model() -> None:
    """100 bytes and an allowance of 1024 tokens, and 100 tokens of answer: about 0.13 dollars on the dear one."""
    routes = variants(dear={"use": ["p/dear"], "when": {"max_usd": 0.2}}, cheap={"use": ["p/m"]})
    rig = Rig(routes)
    assert rig.variant(a_request(model="r", max_output_tokens=100)) == "dear"
    assert rig.variant(a_request(model="r", max_output_tokens=1000)) == "cheap"
    unknown = Rig(routes, providers={"p": {"prices": {"m": PRICE}}}, allow_unpriced=True)
    assert unknown.variant(a_request(model="r", max_output_tokens=1)) == "cheap"


def test_a_spent_budget_leads_to_a_cheaper_model() -> None:
    """Of whoever the request is from."""
    spent = {"acme": 0.85, "other": 0.1}
    routes = variants(cheap={"use": ["p/m"], "when": {"spent_share": 0.8}}, dear={"use": ["p/dear"]})
    rig = Rig(routes, spent=lambda tenant, user, feature: None if user or feature else spent.get(tenant))
    assert rig.chains.leave.plan(asked(a_request(model="r"))).changes
    assert [rig.variant(tenant=name) for name in ("acme", "other", "nobody")] == ["cheap", "dear", "dear"]


def test_a_user_s_own_rule() -> None:
    """One that breaks holds for nobody, and is told of."""
    routes = variants(
        broken={"use": ["s/o"], "when": {"rule": f"{__name__}:breaks"}},
        tea={"use": ["p/m"], "when": {"rule": f"{__name__}:asks_for_tea"}},
        rest={"use": ["q/n"]},
    )
    rig = Rig(routes)
    assert rig.variant(a_request(model="r", messages=[{"role": "user", "content": "tea"}])) == "tea"
    assert rig.variant() == "rest"
    (failed, *_) = rig.seen.of(RuleFailed)
    assert (failed.route, failed.variant, failed.sentence) == ("r", "broken", "KeyError(None)")
