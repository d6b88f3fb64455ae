"""Limits, breaker and retries in the settings: what cannot be is refused at the start, with both names."""

from typing import Any

import pytest
from pydantic import ValidationError

from streamproc.settings.settings import Settings

PROVIDER = {"kind": "scripted", "models": ["m"]}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"tenants": {"a": {"requests_burst": 2}}}, "requests_burst needs requests_per_minute"),
        (
            {"tenants": {"a": {"requests_burst": 70, "requests_per_minute": 60}}},
            "requests_burst (70) must not exceed requests_per_minute (60)",
        ),
        (
            {"tenants": {"*": {"tokens_per_minute": 500}}},
            "tenants.*: tokens_per_minute is 500, and no request would ever fit that asks for the 1024",
        ),
        (
            {"providers": {"p": {**PROVIDER, "limits": {"tokens_per_minute": 9000, "tokens_burst": 1000}}}},
            "providers.p.limits: tokens_burst is 1000, and no request",
        ),
        (
            {"providers": {"p": {**PROVIDER, "credentials": {"c": {"limits": {"tokens_per_minute": 9}}}}}},
            "providers.p.credentials.c.limits: tokens_per_minute is 9, and no request",
        ),
        (
            {"tenants": {"a": {"max_concurrent": 501}}},
            "tenants.a: max_concurrent is 501, and there are only 500 slots of worker.max_running",
        ),
        (
            {"tenants": {"*": {"max_tokens_in_flight": 1000}}},
            "tenants.*: max_tokens_in_flight is 1000, less than one answer of limits.default_output_tokens (1024)",
        ),
        ({"tenants": {"a": {"weight": 0}}}, "tenants.a.weight"),
        ({"worker": {"max_route_share": 0}}, "worker.max_route_share"),
        ({"worker": {"max_tenant_share": 1.1}}, "worker.max_tenant_share"),
        ({"sources": [{"topic": "t", "order": "time"}]}, "sources.0.order"),
        ({"breaker": {"min_calls": 20, "window_calls": 10}}, "min_calls must not exceed window_calls"),
        ({"breaker": {"open_seconds": 61}}, "open_seconds must not exceed max_open_seconds"),
        ({"retry": {"cap_seconds": 61}}, "cap_seconds must not exceed max_seconds"),
        ({"retry": {"base_seconds": 21}}, "base_seconds must not exceed cap_seconds"),
        ({"retry": {"wait_base_seconds": 31}}, "wait_base_seconds must not exceed wait_cap_seconds"),
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, Any], says: str) -> None:
    """In one sentence."""
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate(fields)
    assert says in str(refused.value)


def test_a_burst_as_large_as_the_limit_is_possible() -> None:
    """And so is a bucket that holds just one answer of the default length."""
    Settings.model_validate(
        {"tenants": {"a": {"requests_per_minute": 60, "requests_burst": 60, "tokens_per_minute": 1024}}}
    )
