"""What accounting writes into the journal: the most before a call, and what it was after it."""

import pytest

from streamproc.chain.journal import MemoryJournal
from streamproc.chain.provider import Completed, Text
from streamproc.errors import BudgetRefused, ConnectFailed, Disconnected, ProviderError
from streamproc.money.bound import HIDDEN_ALLOWANCE_TOKENS
from streamproc.records.usage import TokenCounts, UsageLine
from tests.fakes import a_request
from tests.unit.chain.accounts import RATES, Rig, the_call


class Refusing(MemoryJournal):
    """A journal whose run is cut off before the call may begin."""

    async def started(self, line: UsageLine) -> None:
        await super().started(line)
        raise KeyboardInterrupt


async def test_the_bound_is_written_before_the_call_and_the_bill_after_it() -> None:
    """Under one usage id. The bound is the line that is published if nobody ever learns more, so it says so."""
    journal = MemoryJournal()
    usage = TokenCounts(input=10, output=5)
    call = the_call(journal=journal, prompt_bytes=100, max_output_tokens=50)
    await Rig([Text("a"), Completed(usage, "stop")]).run(call)
    (started, _, bound), (completed, usage_id, bill) = journal.notes
    assert (started, completed) == ("started", "completed")
    assert bound is not None
    assert bill == call.progress.lines[0]
    assert bound.usage_id == bill.usage_id == usage_id == call.usage_id
    most = 100 + HIDDEN_ALLOWANCE_TOKENS
    assert bound.tokens == TokenCounts(input=most, output=50)
    assert (bound.basis, bound.reason, bound.cost_nanos) == ("upper_bound", "lost", most * 1000 + 50 * 2000)
    told = {name: getattr(bill, name) for name in ("tokens", "basis", "reason", "cost_nanos", "ended_at")}
    assert bound.changed(**told) == bill


async def test_a_bound_without_a_price_has_no_cost() -> None:
    """Unknown is no zero."""
    journal = MemoryJournal()
    await Rig([Completed(None, "stop")], rates=None).run(the_call(journal=journal))
    (_, _, bound), _ = journal.notes
    assert bound is not None
    assert (bound.cost_nanos, bound.price_version) == (None, None)


@pytest.mark.parametrize(
    ("error", "is_billed"),
    [(ConnectFailed("x", provider="p"), False), (Disconnected("x", provider="p", may_have_cost=True), True)],
)
async def test_a_call_that_failed_is_written_down(error: ProviderError, is_billed: bool) -> None:
    """With its bill, or with none when it cannot have cost anything."""
    journal = MemoryJournal()
    await Rig([error]).fail(the_call(journal=journal))
    _, (reason, _, bill) = journal.notes
    assert (reason, bill is not None) == (error.code, is_billed)


async def test_a_run_cut_off_before_its_call_says_that_it_was_not_made() -> None:
    """The first note may be stored all the same, and would be billed at its bound. The provider is not asked."""
    journal, rig = Refusing(), Rig([Completed(None, "stop")])
    call = the_call(journal=journal)
    with pytest.raises(KeyboardInterrupt):
        await rig.run(call)
    assert journal.notes[1:] == [("not_made", call.usage_id, None)]
    assert (call.progress.lines, rig.provider.started) == ([], 0)


async def test_a_call_that_the_budget_refuses_is_no_call() -> None:
    """Nothing is written, and nothing counted."""
    journal = MemoryJournal()
    call = the_call(a_request(max_cost_usd=1e-9), journal=journal)
    with pytest.raises(BudgetRefused):
        await Rig([], rates=RATES).run(call)
    assert (journal.notes, call.progress.calls) == ([], 0)
