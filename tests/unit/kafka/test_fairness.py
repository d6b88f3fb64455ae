"""Fairness, from the settings: what they name is known to come, and what they do not say is as it was."""

from typing import Any

import pytest

from streamproc.kafka.fairness import Fairness
from streamproc.settings.settings import Settings
from tests.fakes import a_run

PROVIDER = {"kind": "scripted", "models": ["m", "n"]}


def free_when_held(fairness: Fairness, **fields: Any) -> int:
    """How many slots are left when the runs of these fields have all they may have."""
    run = a_run(**fields)
    fairness.slots.expect(run)
    while fairness.slots.free and fairness.slots.hold(run) is None:
        fairness.slots.take(run)
    return fairness.slots.free


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        ({"providers": {"p": PROVIDER}}, 100),
        ({"providers": {"p": {**PROVIDER, "models": ["m"]}}}, 0),
        ({"providers": {"p": {**PROVIDER, "models": ["m"]}, "q": {**PROVIDER, "models": ["m"]}}}, 100),
        ({"providers": {"p": PROVIDER}, "worker": {"max_route_share": 1}}, 0),
        ({"worker": {"max_tenant_share": 0.6}}, 0),
        ({"worker": {"max_tenant_share": 0.6}, "tenants": {"*": {}, "a": {}}}, 0),
        ({"worker": {"max_tenant_share": 0.6}, "tenants": {"a": {}, "b": {}}}, 200),
        ({"worker": {"max_tenant_share": 0.6}, "sources": [{"topic": "r", "tenant": "b"}], "tenants": {"a": {}}}, 200),
    ],
)
def test_one_route_and_one_tenant_have_all_only_where_they_are_alone(settings: dict[str, Any], left: int) -> None:
    """Of 500 slots; several models are several routes, and everybody is nobody by name."""
    assert free_when_held(Fairness.of(Settings.model_validate(settings)), tenant="a") == left


def test_weights_and_orders_are_those_of_the_settings() -> None:
    """Of a tenant that is not named the weight of everybody, of a topic that says nothing no order."""
    fairness = Fairness.of(
        Settings.model_validate(
            {
                "tenants": {"a": {"weight": 3}, "b": {}, "*": {"weight": 0.5}},
                "sources": [{"topic": "one", "order": "key"}, {"topic": "two"}],
            }
        )
    )
    assert [fairness.weight_of(tenant) for tenant in ("a", "b", "c")] == [3, 1, 0.5]
    assert fairness.ordered == {"one"}
    assert Fairness.of(Settings()).weight_of("a") == 1
