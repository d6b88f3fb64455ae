"""A budget is asked before each real call, and told what became of it."""

import pytest

from streamproc.chain.budget import LedgerBudget
from streamproc.chain.journal import MemoryJournal
from streamproc.chain.provider import Completed, Text
from streamproc.errors import BudgetRefused, ConnectFailed, Disconnected, NotNow, ProviderError
from streamproc.money.configured import configured_caps
from streamproc.money.ledger import Standing
from streamproc.money.ledger_memory import MemoryLedger
from streamproc.observe.events import BudgetHeld, BudgetSpent
from streamproc.records.usage import TokenCounts, UsageLine
from streamproc.settings.budgets import BudgetSettings
from tests.fakes import NOW, Seen
from tests.unit.chain.accounts import Rig, the_call

WORST = (100 + 1024) * 1000 + 50 * 2000
"""Nano-dollars that a call of these tests can cost at most."""

USAGE = TokenCounts(input=10, output=5)
COST = 10 * 1000 + 5 * 2000


class Late(MemoryLedger):
    """A ledger whose reservations are no longer good when the note is stored."""

    def confirm(self, usage_id: str) -> bool:
        return False


class Budgeted:
    """A ledger with room for one worst case and a half, and what it says."""

    def __init__(self, kind: type[MemoryLedger] = MemoryLedger) -> None:
        cap = {"scope": "tenant=*", "window": "day", "usd": 1.5 * WORST / 1e9, "kill_at": 1.0}
        caps = configured_caps(BudgetSettings.model_validate({"caps": [cap]}))
        self.ledger = kind(caps, lambda: int(NOW * 1000), lambda _: None)
        self.ledger.open()
        self.seen = Seen()
        self.budget = LedgerBudget(self.ledger, self.seen)

    async def standing(self) -> tuple[int, int]:
        """What is settled, and what is reserved."""
        (found,) = await self.ledger.standings()
        assert isinstance(found, Standing)
        return found.settled, found.reserved


@pytest.fixture
def money() -> Budgeted:
    """With room for one call."""
    return Budgeted()


async def test_a_call_reserves_its_worst_case_and_settles_its_cost(money: Budgeted) -> None:
    """Before its note is written, and when it has ended."""

    class Looking(MemoryJournal):
        async def started(self, line: UsageLine) -> None:
            reserved.append(await money.standing())

    reserved: list[tuple[int, int]] = []
    call = the_call(journal=Looking(), prompt_bytes=100, max_output_tokens=50)
    await Rig([Text("a"), Completed(USAGE, "stop")], budget=money.budget).run(call)
    assert reserved == [(0, WORST)]
    assert await money.standing() == (COST, 0)
    assert call.progress.lines[0].at_most is None


async def test_a_call_that_others_hold_up_waits(money: Budgeted) -> None:
    """It was not made: no note, no line, and its number is given to the next one."""
    rig = Rig([Completed(USAGE, "stop")], budget=money.budget)
    journal = MemoryJournal()
    call = the_call(journal=journal, prompt_bytes=100, max_output_tokens=50)

    class Held(MemoryJournal):
        async def started(self, line: UsageLine) -> None:
            with pytest.raises(NotNow) as caught:
                await rig.run(call)
            waits.append(caught.value)

    waits: list[NotNow] = []
    other = the_call(run_id="llm.requests/0/9@1", journal=Held(), prompt_bytes=100, max_output_tokens=50)
    await rig.run(other)
    (wait,) = waits
    assert (wait.code, wait.room is not None) == ("budget_held", True)
    assert (journal.notes, call.progress.calls, call.progress.lines) == ([], 0, [])
    assert [held.why for held in money.seen.of(BudgetHeld) if isinstance(held, BudgetHeld)] == ["reserved_by_others"]


async def test_a_call_without_room_is_refused(money: Budgeted) -> None:
    """One and a half times a call's worst case were spent by a call that was cut."""
    cut = Rig([Text("a"), Disconnected("x", provider="p")], budget=money.budget)
    first = the_call(prompt_bytes=100, max_output_tokens=50)
    await cut.fail(first)
    assert await money.standing() == (WORST, 0)
    (line,) = first.progress.lines
    assert line.at_most is not None
    assert (line.basis, line.at_most.cost_nanos, line.at_most.tokens) == ("estimated", WORST, 100 + 1024 + 50)
    with pytest.raises(BudgetRefused, match=r"may take up to .* are left of"):
        await cut.run(the_call(run_id="llm.requests/0/9@1", prompt_bytes=100, max_output_tokens=50))
    assert [spent.reason for spent in money.seen.of(BudgetSpent) if isinstance(spent, BudgetSpent)] == ["spent"]


@pytest.mark.parametrize("error", [ConnectFailed("x", provider="p")])
async def test_a_call_that_cost_nothing_gives_everything_back(money: Budgeted, error: ProviderError) -> None:
    """Nothing was sent."""
    await Rig([error], budget=money.budget).fail(the_call(prompt_bytes=100, max_output_tokens=50))
    assert await money.standing() == (0, 0)


async def test_a_call_that_is_cut_off_before_it_begins_gives_everything_back(money: Budgeted) -> None:
    """While it waits for its note."""

    class Refusing(MemoryJournal):
        async def started(self, line: UsageLine) -> None:
            raise KeyboardInterrupt

    call = the_call(journal=Refusing(), prompt_bytes=100, max_output_tokens=50)
    with pytest.raises(KeyboardInterrupt):
        await Rig([], budget=money.budget).run(call)
    assert await money.standing() == (0, 0)


async def test_a_reservation_that_is_too_old_begins_no_call() -> None:
    """It is noted as not made, and waits like any other."""
    money = Budgeted(Late)
    journal = MemoryJournal()
    rig = Rig([Text("a"), Completed(USAGE, "stop")], budget=money.budget)
    with pytest.raises(NotNow):
        await rig.run(the_call(journal=journal, prompt_bytes=100, max_output_tokens=50))
    assert [kind for kind, _, _ in journal.notes] == ["started", "not_made"]
    assert await money.standing() == (0, 0)
