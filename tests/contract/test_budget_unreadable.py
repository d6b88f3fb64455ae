"""P4 beside usage lines that cannot be read: no budget counts less than was spent, and there is a way on."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

from streamproc.observe.events import BudgetHeld, BudgetSpent, UsageUnreadable
from streamproc.records.codec import encode_usage
from streamproc.settings.settings import Settings
from tests.contract.harness.member import Member, running_member
from tests.contract.harness.stage import Stage, staged
from tests.contract.harness.waiting import eventually
from tests.contract.test_budget import ASKED, MODEL, budgets, priced
from tests.contract.test_budget_redis import shared
from tests.contract.test_budget_words import alerts
from tests.lines import a_line
from tests.servers.redis import Redis


async def publish(stage: Stage, version: int, **fields: Any) -> None:
    """A line of acme of this moment, in a version of the format."""
    now = datetime.now(UTC)
    line = a_line(**{"tenant": "acme", "started_at": now, "ended_at": now, **fields})
    headers = [("ce_type", b"streamproc.usage.v%d" % version)]
    await stage.publish(encode_usage(line), topic=stage.settings.topics.usage, headers=headers)


def skipping(settings: Settings) -> Settings:
    """The same settings, with the operator's way on."""
    return settings.model_copy(update={"budgets": settings.budgets.model_copy(update={"skip_unreadable": True})})


def is_held(member: Member, run: object) -> bool:
    """Whether a run waits because of what cannot be read."""
    return ("unreadable", str(run)) in [(held.why, held.run_id) for held in member.all(BudgetHeld)]


async def test_a_line_of_the_next_version_counts(bootstrap: str, topic_prefix: str) -> None:
    """Readers are upgraded first, so each reads one version more than it writes."""
    async with staged(bootstrap, topic_prefix, MODEL, provider=priced(MODEL), budgets=budgets(0.01)) as stage:
        await publish(stage, 2, cost_nanos=9_999_999)
        async with running_member(stage.settings) as member:
            assert (await stage.outputs.result(await stage.ask(MODEL, **ASKED))).status == "rejected"
            assert [spent.reason for spent in member.all(BudgetSpent)] == ["spent"]


async def test_no_call_begins_while_a_line_cannot_be_read(bootstrap: str, topic_prefix: str) -> None:
    """One of a later version once counted as if it were known, or as nothing where it was not understood.

    Now runs wait, none fails, and who looks is told why. The setting is the way on.
    """
    async with staged(bootstrap, topic_prefix, MODEL, provider=priced(MODEL), budgets=budgets(1.0)) as stage:
        await publish(stage, 9)
        place = f"{stage.settings.topics.usage} partition 0 offset 0"
        async with running_member(stage.settings) as member:
            run = await stage.ask(MODEL, **ASKED)
            await eventually(lambda: is_held(member, run), lambda: member.seen)
            why = f"{place} cannot be read: it is a usage line of version 9; this program reads up to 2: upgrade it"
            assert member.worker.readiness() == why
            assert not stage.mock.stats.calls
        (alert,) = await alerts(stage)
        assert (alert["kind"], alert["alert_id"]) == ("unreadable", f"{place} cannot be read")
        async with running_member(skipping(stage.settings)) as member:
            assert (await stage.outputs.result(run)).status == "completed"
            assert [(found.offset, found.is_skipped) for found in member.all(UsageUnreadable)] == [(0, True)]


async def test_calls_stop_when_such_a_line_comes(bootstrap: str, topic_prefix: str) -> None:
    """Also in a worker that runs: what stands before the line is counted, and then no call begins."""
    async with (
        staged(bootstrap, topic_prefix, MODEL, provider=priced(MODEL), budgets=budgets(1.0)) as stage,
        running_member(stage.settings) as member,
    ):
        assert (await stage.outputs.result(await stage.ask(MODEL, **ASKED))).status == "completed"
        await publish(stage, 1, call=5, cost_nanos=1_000_000)
        await publish(stage, 9, call=6)
        await eventually(lambda: member.all(UsageUnreadable))
        run = await stage.ask(MODEL, **ASKED)
        await eventually(lambda: is_held(member, run), lambda: member.seen)
        ledger = member.worker._budgets.ledger
        assert ledger is not None
        (standing,) = await ledger.standings()
        assert standing.settled > 1_000_000
        assert len(stage.mock.stats.calls) == 1


async def test_workers_that_share_a_ledger_wait_for_one_that_can_read_on(
    bootstrap: str, topic_prefix: str, redis: Redis
) -> None:
    """The one that keeps the view gives it up, for all of them; a newcomer that passes the line over builds it anew."""
    async with (
        staged(bootstrap, topic_prefix, MODEL, provider=priced(MODEL), budgets=shared(redis, 1.0)) as stage,
        AsyncExitStack() as stack,
    ):
        members = [await stack.enter_async_context(running_member(stage.settings)) for _ in range(2)]
        assert (await stage.outputs.result(await stage.ask(MODEL, **ASKED))).status == "completed"
        await publish(stage, 9)
        for member in members:
            await eventually(
                lambda member=member: "offset" in (member.worker.readiness() or ""),  # type: ignore[misc] # mypy knows no defaults here
                member.worker.readiness,
            )
        runs = [await stage.ask(MODEL, partition=number % 4, **ASKED) for number in range(8)]
        await eventually(lambda: {held.why for member in members for held in member.all(BudgetHeld)} >= {"rebuilding"})
        assert len(stage.mock.stats.calls) == 1
        await stack.enter_async_context(running_member(skipping(stage.settings)))
        assert {(await stage.outputs.result(run)).status for run in runs} == {"completed"}
