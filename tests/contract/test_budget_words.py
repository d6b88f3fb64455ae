"""Operators stop, resume and set budgets while a worker runs; what crosses a share of a cap is told, once."""

import json
import time
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streamproc.kafka.operator import speak
from streamproc.observe.events import BudgetAlerted, BudgetsChanged, BudgetSpent
from streamproc.records.admin import Resume, SetCap, Stop, Word, key_of
from tests.contract.harness.member import Member, running_member
from tests.contract.harness.stage import Stage, staged
from tests.contract.harness.waiting import eventually
from tests.contract.test_budget import ASKED, MODEL, WORST_USD, budgets, priced


async def say(stage: Stage, member: Member, word: Word, *, take_back: bool = False) -> None:
    """An operator speaks, and the worker has heard it."""
    before = len(member.all(BudgetsChanged))
    await speak(stage.settings, key_of(word), None if take_back else word, time.time())
    await eventually(lambda: len(member.all(BudgetsChanged)) > before)


async def status(stage: Stage) -> str:
    """What becomes of one more request."""
    return (await stage.outputs.result(await stage.ask(MODEL, **ASKED))).status


async def alerts(stage: Stage) -> list[dict[str, Any]]:
    """What stands on the alert topic."""
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=stage.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        key = TopicPartition(stage.settings.topics.alerts, 0)
        consumer.assign([key])
        end = (await consumer.end_offsets([key]))[key]
        return [json.loads((await consumer.getone()).value) for _ in range(end)]
    finally:
        await consumer.stop()


async def test_a_scope_is_stopped_and_resumed(bootstrap: str, topic_prefix: str) -> None:
    """Also without a cap, and a worker that starts later knows it."""
    stop, resume = Stop(kind="stop", scope="tenant=acme"), Resume(kind="resume", scope="tenant=acme")
    async with staged(bootstrap, topic_prefix, MODEL, provider=priced(MODEL), budgets={"enabled": True}) as stage:
        async with running_member(stage.settings) as member:
            assert await status(stage) == "completed"
            await say(stage, member, stop)
            assert await status(stage) == "rejected"
        async with running_member(stage.settings) as member:
            assert await status(stage) == "rejected"
            assert [spent.reason for spent in member.all(BudgetSpent)] == ["stopped"]
            await say(stage, member, resume)
            assert await status(stage) == "completed"


async def test_a_kill_switch_falls_and_is_lifted_within_the_cap(bootstrap: str, topic_prefix: str) -> None:
    """At 10 % of a cap that has room for two worst cases and more; resumed, the cap itself holds on."""
    killing = budgets(2.2 * WORST_USD, kill_at=0.1, alerts=[0.05, 1.0])
    async with (
        staged(bootstrap, topic_prefix, MODEL, provider=priced(MODEL), budgets=killing) as stage,
        running_member(stage.settings) as member,
    ):
        assert [await status(stage), await status(stage)] == ["completed", "rejected"]
        assert [spent.reason for spent in member.all(BudgetSpent)] == ["killed"]
        await say(stage, member, Resume(kind="resume", scope="tenant=acme"))
        ends = [await status(stage) for _ in range(8)]
        assert ends[0] == "completed"
        assert ends[-1] == "rejected"
        assert {spent.reason for spent in member.all(BudgetSpent)[1:]} == {"spent"}
        assert [told.alert.share for told in member.all(BudgetAlerted)] == ["0.05"]


async def test_a_cap_is_raised_and_taken_back(bootstrap: str, topic_prefix: str) -> None:
    """The word of an operator goes before the setting, and ends with it."""
    raised = SetCap(kind="set", scope="tenant=acme", window="day", unit="nanos", amount=int(2 * WORST_USD * 1e9))
    async with (
        staged(
            bootstrap, topic_prefix, MODEL, provider=priced(MODEL), budgets=budgets(WORST_USD, scope="tenant=acme")
        ) as stage,
        running_member(stage.settings) as member,
    ):
        assert [await status(stage), await status(stage)] == ["completed", "rejected"]
        await say(stage, member, raised)
        assert await status(stage) == "completed"
        await say(stage, member, raised, take_back=True)
        assert await status(stage) == "rejected"


async def test_an_alert_is_told_once(bootstrap: str, topic_prefix: str) -> None:
    """The second call passes a fifth of the cap. The next worker sums up the same, and says nothing."""
    watched = budgets(2.5 * WORST_USD, alerts=[0.2])
    async with staged(bootstrap, topic_prefix, MODEL, provider=priced(MODEL), budgets=watched) as stage:
        async with running_member(stage.settings) as member:
            assert await status(stage) == "completed"
            assert not member.all(BudgetAlerted)
            assert await status(stage) == "completed"
            assert [told.alert.share for told in member.all(BudgetAlerted)] == ["0.2"]
        async with running_member(stage.settings) as member:
            assert await status(stage) == "completed"
            assert not member.all(BudgetAlerted)
        await stage.outputs.rest()
        (alert,) = await alerts(stage)
        settled = sum(line.cost_nanos or 0 for line in stage.outputs.usage[:2])
        told = {name: alert[name] for name in ("scope", "name", "window", "unit", "share", "cap", "settled", "killed")}
        assert told == {
            "scope": "tenant",
            "name": "acme",
            "window": "day",
            "unit": "nanos",
            "share": "0.2",
            "cap": 550_000,
            "settled": settled,
            "killed": False,
        }
