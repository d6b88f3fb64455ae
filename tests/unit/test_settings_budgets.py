"""Budgets in the settings: what is refused, and in which words."""

from typing import Any

import pytest
from pydantic import ValidationError

from streamproc.records.pattern import Pattern, parse_pattern
from streamproc.settings.settings import Settings


def budgets(*caps: dict[str, Any], **fields: Any) -> Settings:
    """Settings with these caps."""
    return Settings.model_validate({"budgets": {"caps": caps, **fields}})


@pytest.mark.parametrize(
    ("cap", "words"),
    [
        ({"usd": -1}, r"caps\.0\.usd\n.*greater than or equal to 0"),
        ({"tokens": -1}, r"caps\.0\.tokens\n.*greater than or equal to 0"),
        ({"usd": float("nan")}, "finite"),
        ({}, "usd or tokens, one of them"),
        ({"usd": 1, "tokens": 1}, "usd or tokens, one of them"),
        ({"usd": 1, "scope": "tenants=a"}, "'tenants=a' is no scope; write global, tenant=NAME"),
        ({"usd": 1, "scope": "global", "tenant": "acme"}, "a tenant goes with the scope of a user only"),
        ({"usd": 1, "window": "week"}, "'day' or 'month'"),
        ({"usd": 1e-12}, "usd 1e-12 is less than a nano-dollar, the least amount; 0 lets no call begin"),
        ({"usd": 1, "kill_at": 0}, "greater than 0"),
        ({"usd": 1, "alerts": [1.5]}, "less than or equal to 1"),
    ],
)
def test_a_cap_that_cannot_be_is_refused(cap: dict[str, Any], words: str) -> None:
    """With its place and the reason."""
    with pytest.raises(ValidationError, match=words):
        budgets({"scope": "tenant=*", "window": "day", **cap})


def test_two_caps_for_the_same_are_refused() -> None:
    """In two units they are two."""
    day = {"scope": "tenant=a", "window": "day"}
    assert len(budgets({**day, "usd": 1}, {**day, "tokens": 1}).budgets.caps) == 2
    with pytest.raises(ValidationError, match="there are two for tenant=a a day in the same unit"):
        budgets({**day, "usd": 1}, {**day, "usd": 2})


def test_a_time_zone_that_nobody_knows_is_refused() -> None:
    """Its days would be anybody's guess."""
    with pytest.raises(ValidationError, match="'Europe/Atlantis' is no time zone that this machine knows"):
        budgets(time_zone="Europe/Atlantis")


@pytest.mark.parametrize("name", ["llm.requests", "llm.usage", "llm.control", "llm.alerts"])
def test_the_admin_topic_has_a_name_of_its_own(name: str) -> None:
    """Whoever may write to another topic must not decide on money."""
    with pytest.raises(ValidationError, match="admin and alerts need names of their own"):
        Settings.model_validate({"topics": {"admin": name}})


def test_budgets_wait_for_the_journal() -> None:
    """What a crash hides would be spent once more."""
    with pytest.raises(ValidationError, match=r"budgets need worker\.wait_for_journal"):
        Settings.model_validate({"budgets": {"enabled": True}, "worker": {"wait_for_journal": False}})


def test_there_are_no_budgets_unless_somebody_asks_for_them() -> None:
    """By a cap, or for the caps of operators."""
    assert not Settings().budgets.is_on
    assert budgets(enabled=True).budgets.is_on
    assert budgets({"scope": "global", "window": "day", "usd": 0}).budgets.is_on


def test_scopes_are_read_as_they_are_written() -> None:
    """A name may hold what parts the words elsewhere."""
    assert parse_pattern("global") == Pattern("global")
    assert parse_pattern("user=a/b:c@d", "t/u") == Pattern("user", "a/b:c@d", "t/u")
    assert str(parse_pattern("user=*", "acme")) == "user=* of tenant acme"
