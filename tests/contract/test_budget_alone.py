"""A ledger in memory knows only what its own process spends, so nobody else gets into its group."""

from typing import Any

import pytest

from streamproc.embedded.codes import Code
from streamproc.embedded.faults import Fault
from streamproc.errors import SetupError
from streamproc.settings.settings import Settings
from tests.contract.harness.member import running_member
from tests.contract.harness.stage import staged
from tests.servers.embedded import EmbeddedBroker

MODEL = "mock-t5-i1-f2"
CAPS: dict[str, Any] = {"caps": [{"scope": "global", "window": "month", "usd": 1.0}]}
QUICK = {"session_timeout_seconds": 2.0, "heartbeat_interval_seconds": 0.5}


def without_budgets(settings: Settings) -> Settings:
    """The same worker, but for its budgets."""
    return settings.model_copy(update={"budgets": type(settings.budgets)()})


async def join(settings: Settings) -> None:
    """One more worker tries to join."""
    async with running_member(settings):
        pass


async def test_a_second_worker_is_not_let_in(bootstrap: str, topic_prefix: str) -> None:
    """It waits for as long as a dead one would still be in the group, and then says why. The first one goes on."""
    async with (
        staged(bootstrap, topic_prefix, MODEL, kafka=QUICK, budgets=CAPS) as stage,
        running_member(stage.settings) as member,
    ):
        await member.has_claimed(4)
        with pytest.raises(SetupError, match=r"has 1 members, and budgets.ledger is 'memory'.*stop the others"):
            await join(stage.settings)
        assert (await stage.outputs.result(await stage.ask(MODEL))).status == "completed"


async def test_a_worker_without_budgets_is_not_let_in_later(bootstrap: str, topic_prefix: str) -> None:
    """What it spent would be in no ledger."""
    async with (
        staged(bootstrap, topic_prefix, MODEL, kafka=QUICK, budgets=CAPS) as stage,
        running_member(stage.settings) as member,
    ):
        await member.has_claimed(4)
        with pytest.raises(SetupError, match="keep another ledger of their budgets than this one, or one of them"):
            await join(without_budgets(stage.settings))
        assert (await stage.outputs.result(await stage.ask(MODEL))).status == "completed"


async def test_it_does_not_join_others(bootstrap: str, topic_prefix: str) -> None:
    """They keep no ledger."""
    async with (
        staged(bootstrap, topic_prefix, MODEL, kafka=QUICK, budgets=CAPS) as stage,
        running_member(without_budgets(stage.settings)) as member,
    ):
        await member.has_claimed(4)
        with pytest.raises(SetupError, match=r"has 1 members, and budgets.ledger is 'memory'"):
            await join(stage.settings)


async def test_a_coordinator_that_still_loads_its_group_is_asked_again(topic_prefix: str) -> None:
    """Of a broker that was just started. The worker once took its answer for a refusal, and ended."""
    with EmbeddedBroker() as broker:
        async with staged(broker.bootstrap, topic_prefix, MODEL, budgets=CAPS) as stage:
            loads = Fault("DescribeGroups", error=Code.COORDINATOR_LOAD_IN_PROGRESS, times=3)
            broker.call(lambda broker: broker.faults.add(loads))
            async with running_member(stage.settings) as member:
                await member.has_claimed(4)
            assert loads.met == 3
