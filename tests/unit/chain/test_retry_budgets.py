"""Budgets of retrying: a run's dollars and attempts, the process's tries, and what a provider forbids itself."""

import pytest

from streamproc.chain.provider import Text
from streamproc.chain.retry_budget import RetryBudget
from streamproc.chain.retry_rules import RetryPolicy
from streamproc.errors import AnswerCut, Disconnected, RetryBudgetSpent, ServerFault, TimedOut
from streamproc.observe.events import RetryRefused
from tests.unit.chain.tries import DONE, Rig, fault


async def test_lost_attempts_have_a_budget_in_dollars() -> None:
    """What they may have cost, as the calls noted it; at the bound itself the run goes on."""
    rig = Rig([fault(TimedOut)], [fault(TimedOut)], [DONE], policy=RetryPolicy(5, 1.0, 8.0, 9, max_lost_nanos=10**9))
    rig.call.progress.spent_nanos = 10**9
    assert await rig.events() == [DONE]
    dear = Rig([fault(TimedOut)], [DONE], policy=RetryPolicy(5, 1.0, 8.0, 9, max_lost_nanos=10**9))
    dear.call.progress.spent_nanos = 10**9 + 1
    with pytest.raises(RetryBudgetSpent, match=r"may have cost \$1.000000001 \(retry.max_lost_usd is \$1.00\)"):
        await dear.events()


async def test_a_run_may_rather_fail_than_show_another_beginning() -> None:
    """A setting: after the first token there is no new attempt. Before it nobody saw anything, and it is tried again."""
    rig = Rig([fault()], [Text("a"), fault(Disconnected)], [DONE], policy=RetryPolicy(3, 1.0, 8.0, 2, restarts=False))
    with pytest.raises(AnswerCut, match=r"retry\.restarts is off"):
        await rig.events()
    assert (rig.provider.started, rig.call.progress.attempt) == (2, 1000)


async def test_the_process_has_a_budget_of_its_own() -> None:
    """When it is used up, runs give their slots back instead of trying again; the reason is told."""
    budget = RetryBudget(0.5, 0.0, 0.0)
    first = Rig([fault()], [fault()], [DONE], budget=budget)
    with pytest.raises(ServerFault):
        await first.events()
    assert (first.provider.started, len(first.waits)) == (2, 1)
    assert [(refused.code, refused.reason) for refused in first.seen.of(RetryRefused)] == [("server_fault", "process")]
    for _ in range(2):
        await Rig([DONE], budget=budget).events()
    again = Rig([fault()], [DONE], budget=budget)
    assert await again.events() == [DONE]


async def test_a_run_that_comes_back_counts_as_a_retry() -> None:
    """It has called before: it earns nothing for others, and its call is taken from what they may try."""
    budget = RetryBudget(1.0, 0.0, 0.0)
    back = Rig([DONE], budget=budget)
    back.call.progress.calls = 1
    await back.events()
    assert repr(budget) == "RetryBudget(0.00 of 1 left)"


async def test_a_provider_that_says_so_is_not_tried_again_in_the_slot() -> None:
    """`x-should-retry: false`."""
    rig = Rig([ServerFault("x", provider="p", should_retry=False)], [DONE])
    with pytest.raises(ServerFault):
        await rig.events()
    assert [refused.reason for refused in rig.seen.of(RetryRefused)] == ["told_not_to"]
