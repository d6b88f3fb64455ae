"""The spent share of budgets, for decisions that cannot wait."""

import asyncio
from collections.abc import Sequence

import pytest
from pydantic import ValidationError

from streamproc.money.account import Totals
from streamproc.money.cap import Account
from streamproc.money.configured import configured_caps
from streamproc.money.known_totals import KnownTotals
from streamproc.money.ledger import Booked
from streamproc.money.ledger_memory import MemoryLedger
from streamproc.money.scope import GLOBAL, Spend
from streamproc.settings.budgets import BudgetSettings, CapSettings
from tests.fakes import FakeClock, eventually

AT_MS = 1_800_000_000_000
DAY = Account(GLOBAL, "day", 1)


def spend(nanos: int, tenant: str = "t", user: str | None = None, number: int = 0) -> Spend:
    """A call that took so much."""
    return Spend(f"run/{number}/1", tenant, user, None, AT_MS, nanos, 100)


async def ledger(*caps: CapSettings) -> MemoryLedger:
    """One that is open, with these caps; the tenant `t` has spent 80 nano-dollars and 100 tokens, by its user ann."""
    made = MemoryLedger(configured_caps(BudgetSettings(caps=caps)), lambda: AT_MS, lambda _: None)
    await made.book(0, [Booked(0, spend(80, user="ann"))], 1)
    made.open()
    return made


def cap(scope: str, nanos: float | None = None, tokens: int | None = None) -> CapSettings:
    """A cap of a day."""
    return CapSettings(scope=scope, window="day", usd=None if nanos is None else nanos * 1e-9, tokens=tokens)


async def test_the_largest_share_counts() -> None:
    """Over all caps that cover the call, in dollars and in tokens, of all its scopes."""
    made = await ledger(cap("global", 200), cap("tenant=*", 100), cap("user=ann", tokens=125))
    assert made.spent_share(spend(0)) == 0.8
    assert made.spent_share(spend(0, tenant="other")) == 0.4
    made = await ledger(cap("tenant=*", 1000), cap("user=ann", tokens=200))
    assert [made.spent_share(spend(0, user=user)) for user in (None, "ann", "bob")] == [0.08, 0.5, 0.08]


async def test_a_cap_of_nothing_is_spent() -> None:
    """Nothing can be left of it."""
    assert (await ledger(cap("global", 0))).spent_share(spend(0)) == 1.0


async def test_nothing_is_known_without_caps_or_before_all_is_read() -> None:
    """That is not the same as nothing spent."""
    assert (await ledger(cap("tenant=other", 100))).spent_share(spend(0)) is None
    made = MemoryLedger(configured_caps(BudgetSettings(caps=(cap("global", 1),))), lambda: AT_MS, lambda _: None)
    assert made.spent_share(spend(0)) is None


async def test_what_is_kept_elsewhere_is_known_after_a_look() -> None:
    """And is looked at as long as somebody asks; while it cannot be read, it stays as it was."""
    clock, asked = FakeClock(), list[Sequence[Account]]()
    answers: list[Totals | None] = [Totals(settled_nanos=1), None, Totals(settled_nanos=3)]

    async def read(accounts: Sequence[Account]) -> Sequence[Totals] | None:
        asked.append(accounts)
        totals = answers[len(asked) - 1]
        return None if totals is None else [totals]

    known = KnownTotals(read, clock)
    assert known.get(DAY) is None
    found = []
    for _ in answers:
        await known.look()
        found.append(known.get(DAY))
    assert found == [Totals(settled_nanos=1), Totals(settled_nanos=1), Totals(settled_nanos=3)]
    clock.now += 61
    await known.look()
    assert (len(asked), known.get(DAY)) == (3, None)


async def test_nobody_looks_while_nobody_asks() -> None:
    """A worker without such conditions does not bother Redis, and sleeps."""
    clock, looks = FakeClock(), list[int]()

    async def read(accounts: Sequence[Account]) -> Sequence[Totals] | None:
        looks.append(len(accounts))
        return [Totals() for _ in accounts]

    known = KnownTotals(read, clock)
    running = asyncio.create_task(known.run())
    await asyncio.sleep(0)
    assert (looks, clock.slept) == ([], [])
    known.get(DAY)
    await eventually(lambda: len(looks) > 1)
    clock.now += 61  # nobody has asked for so long
    before = len(looks)
    await eventually(lambda: not known._wanted)
    await asyncio.sleep(0)
    told = (len(looks), len(clock.slept))
    for _ in range(5):
        await asyncio.sleep(0)
    assert (len(looks), len(clock.slept)) == told
    assert told[0] <= before + 1
    running.cancel()
    await asyncio.wait([running])


async def test_calls_are_slowed_down_from_a_share_on() -> None:
    """By each cap that covers them and is so far; others go on as they were."""
    slow = {"at": 0.8, "per_minute": 30}
    caps = [cap("tenant=*", 100), cap("user=ann", tokens=126)]
    made = await ledger(*(CapSettings.model_validate({**one.model_dump(), "throttle": slow}) for one in caps))
    found = made.slowed(spend(0, user="ann"))
    assert [(one.account.scope.name, one.per_minute) for one in found] == [("t", 30)]
    assert made.slowed(spend(0, tenant="other")) == ()
    await made.book(0, [Booked(1, spend(0, user="ann", number=1))], 2)
    assert [one.account.scope.kind for one in made.slowed(spend(0, user="ann"))] == ["tenant", "user"]
    assert (await ledger(*caps)).slowed(spend(0, user="ann")) == ()


def test_a_throttle_begins_before_the_kill_switch() -> None:
    """Or it would never be seen; the sentence names both."""
    late = CapSettings.model_validate({**cap("global", 1).model_dump(), "throttle": {"at": 0.9, "per_minute": 1}})
    with pytest.raises(ValidationError, match=r"throttle\.at 0\.9 of the cap for global is not below its kill_at 0\.9"):
        BudgetSettings(caps=(late,))
    assert BudgetSettings(caps=(late.model_copy(update={"action": "alert"}),)).is_on
