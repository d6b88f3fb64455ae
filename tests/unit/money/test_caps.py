"""Which caps are for a call, and what they say of it."""

from decimal import Decimal
from typing import Any

import pytest

from streamproc.money.caps import CapKey, Caps, Said, Words
from streamproc.money.check import Check, judge
from streamproc.money.configured import configured_caps
from streamproc.money.scope import Scope, Spend
from streamproc.money.verdict import Held, Refused
from streamproc.records.pattern import Pattern
from streamproc.settings.budgets import BudgetSettings

NOW_MS = 1_775_000_000_000
ACME, BOB = Scope("tenant", "acme"), Scope("user", "bob", "acme")


def caps(*settings: dict[str, Any], words: Words | None = None, **budgets: Any) -> Caps:
    """Of settings as they stand in a file."""
    return configured_caps(BudgetSettings.model_validate({"caps": settings, **budgets}), words)


def a_spend(**fields: Any) -> Spend:
    """A call of bob at acme."""
    known = {"usage_id": "r/1/1", "tenant": "acme", "user": "bob", "feature": None, "at_ms": NOW_MS}
    return Spend(**{**known, "nanos": 10, "tokens": 10, **fields})


def day(scope: str, usd: float = 1.0, **fields: Any) -> dict[str, Any]:
    """A cap on a day."""
    return {"scope": scope, "window": "day", "usd": usd, **fields}


def one_check(found: tuple[Check, ...] | Refused) -> Check:
    """The only one."""
    assert not isinstance(found, Refused), found
    (check,) = found
    return check


def test_the_nearest_cap_counts() -> None:
    """By name before any; of a user, with its tenant before without. Another window is another cap."""
    all_of_them = caps(
        day("tenant=*", 1), day("tenant=acme", 2), day("user=*", 3), day("user=*", 4, tenant="acme"),
        day("user=bob", 5), {"scope": "tenant=*", "window": "month", "usd": 6},
    )  # fmt: skip
    assert [cap.amount for cap in all_of_them.of(ACME)] == [2 * 10**9, 6 * 10**9]
    assert [cap.amount for cap in all_of_them.of(Scope("tenant", "umbrella"))] == [10**9, 6 * 10**9]
    assert [cap.amount for cap in all_of_them.of(BOB)] == [5 * 10**9]
    assert [cap.amount for cap in all_of_them.of(Scope("user", "eve", "acme"))] == [4 * 10**9]
    assert [cap.amount for cap in all_of_them.of(Scope("user", "eve", "umbrella"))] == [3 * 10**9]


def test_users_of_two_tenants_are_two() -> None:
    """Nobody spends the budget of somebody else by taking his name."""
    same_name = caps(day("user=bob"))
    here, there = (same_name.accounts(a_spend(tenant=tenant))[4] for tenant in ("acme", "umbrella"))
    assert here.scope == BOB
    assert here != there


def test_a_word_goes_before_the_setting_of_the_same_nearness() -> None:
    """And leaves its kill switch and action; where there is no such setting the defaults hold."""
    key: CapKey = (Pattern("tenant", "acme"), "day", "nanos")
    words = Words(amounts={key: 7})
    (said,) = caps(day("tenant=acme", kill_at=0.5, action="alert"), words=words).of(ACME)
    assert (said.amount, said.kill_at, said.action) == (7, Decimal("0.5"), "alert")
    (new,) = caps(day("tenant=*"), words=words, kill_at=0.7).of(ACME)
    assert (new.amount, new.kill_at, new.action) == (7, Decimal("0.7"), "stop")


def test_a_stop_needs_no_cap() -> None:
    """It is for the scope, or for all of its kind; the nearest word counts."""
    states = {Pattern("tenant", "*"): Said(True, 0), Pattern("tenant", "acme"): Said(False, 0)}
    found = Caps(caps()._windows, (), states)
    assert found.checks(a_spend()) == ()
    refused = found.checks(a_spend(tenant="umbrella"))
    assert isinstance(refused, Refused)
    assert refused.reason == "stopped"


def test_who_was_resumed_once_is_stopped_with_all_others() -> None:
    """The nearest word alone once counted: a tenant whose kill switch was lifted in May spent on when all were stopped."""
    all_tenants, acme = Pattern("tenant", "*"), Pattern("tenant", "acme")
    for states, reason in (
        ({acme: Said(False, 9, 1), all_tenants: Said(True, 5, 2)}, "stopped"),
        ({acme: Said(False, 5, 2), all_tenants: Said(True, 9, 1)}, None),
        ({acme: Said(True, 5, 1), all_tenants: Said(False, 9, 2)}, "stopped"),  # stopped by name: not all are meant
    ):
        found = Caps(caps()._windows, (), states).checks(a_spend())
        assert (found.reason if isinstance(found, Refused) else None) == reason


def test_a_resume_of_all_lifts_the_kill_switch_of_one_that_was_resumed_before() -> None:
    """Its own word is of a month that is over."""
    words = Words(states={Pattern("tenant", "acme"): Said(False, 0, 1), Pattern("tenant", "*"): Said(False, NOW_MS, 2)})
    check = one_check(caps(day("tenant=acme", 100e-9), words=words).checks(a_spend()))
    assert judge(check, 90, 0) is None


@pytest.mark.parametrize(
    ("spend", "cap", "reason"),
    [
        (a_spend(nanos=None), day("global"), "unpriced"),
        (a_spend(tokens=None), {"scope": "global", "window": "day", "tokens": 5}, "uncounted"),
        (a_spend(nanos=11), day("global", 10e-9), "too_large"),
        (a_spend(nanos=0), day("global", 0), "spent"),
    ],
)
def test_what_can_never_fit_is_refused_at_once(spend: Spend, cap: dict[str, Any], reason: str) -> None:
    """Unknown is not zero, and nobody waits for what cannot come. A cap that only tells refuses nothing.

    A cap of 0 lets no call begin, as it says: a model that costs nothing once passed it.
    """
    refused = caps(cap).checks(spend)
    assert isinstance(refused, Refused)
    assert refused.reason == reason
    assert caps({**cap, "action": "alert"}).checks(spend) == ()


@pytest.mark.parametrize(
    ("settled", "reserved", "expected"),
    [
        (0, 90, None),
        (0, 91, Held),
        (85, 5, None),
        (85, 6, Held),
        (89, 0, None),
        (90, 0, Refused),  # the kill switch
        (95, 0, Refused),
    ],
)
def test_what_is_spent_refuses_and_what_is_reserved_holds(settled: int, reserved: int, expected: type | None) -> None:
    """Of 100, by a call of 10: what others reserved may come back."""
    check = one_check(caps(day("global", 100e-9)).checks(a_spend()))
    found = judge(check, settled, reserved)
    assert found is None if expected is None else isinstance(found, expected)


def test_what_is_left_is_too_little_before_the_kill_switch_falls() -> None:
    """Then nothing that others give back will do, and waiting has no end."""
    found = judge(one_check(caps(day("global", 100e-9), kill_at=1.0).checks(a_spend())), 91, 0)
    assert isinstance(found, Refused)
    assert found.reason == "spent"


def test_a_resume_lifts_the_kill_switch_for_its_own_windows() -> None:
    """Not the cap; and tomorrow it falls again."""
    words = Words(states={Pattern("global"): Said(False, NOW_MS)})
    resumed = caps(day("global", 100e-9), words=words)
    assert judge(one_check(resumed.checks(a_spend())), 90, 0) is None
    tomorrow = one_check(resumed.checks(a_spend(at_ms=NOW_MS + 86_400_000)))
    assert isinstance(judge(tomorrow, 90, 0), Refused)


def test_alerts_are_told_when_they_are_reached() -> None:
    """Each share once on the way up, in whatever order they were set, and nothing of a cap that was not touched."""
    (cap,) = caps(day("global", 100e-9, alerts=[0.8, 1.0, 0.5])).of(Scope("global"))
    assert cap.crossed(0, 49) == ()
    assert cap.crossed(49, 80) == (Decimal("0.5"), Decimal("0.8"))
    assert cap.crossed(80, 99) == ()
    assert cap.crossed(99, 120) == (Decimal(1),)
