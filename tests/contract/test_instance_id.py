"""Workers with a name in the group: a restart under it stops nobody, and two under one name are told apart."""

import asyncio
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import pytest

from streamproc.errors import SetupError
from streamproc.observe.events import PartitionChanged
from streamproc.settings.settings import Settings
from tests.contract.harness.member import Member, running_member
from tests.contract.harness.program import Program, running_program
from tests.contract.harness.stage import Stage, staged
from tests.contract.harness.waiting import eventually

MODEL = "mock-t20-i5-f5"
LONG_SESSION = {"session_timeout_seconds": 30.0, "heartbeat_interval_seconds": 0.5}


def named(stage: Stage, name: str) -> Settings:
    """Settings of the worker with this name."""
    kafka = stage.settings.kafka.model_copy(update={"instance_id": name})
    return stage.settings.model_copy(update={"kafka": kafka})


def owned(member: Member) -> dict[int, int]:
    """Partitions of the request topic that take records, each with the epoch of its claim."""
    ready = [item for item in member.worker.consumer.assignments if item.is_ready]
    return {item.key.partition: item.epoch for item in ready if item.key.topic.endswith(".requests")}


async def test_a_restart_under_the_same_name_stops_nobody(bootstrap: str, topic_prefix: str) -> None:
    """The other worker's partitions keep their claims; those of the restarted one are its own again."""
    async with (
        staged(bootstrap, topic_prefix, MODEL, kafka=LONG_SESSION) as stage,
        running_member(named(stage, "b")) as other,
    ):
        async with running_member(named(stage, "a")) as first:
            await asyncio.gather(first.has_claimed(2), other.has_claimed(2))
            mine, before, seen = owned(first), owned(other), len(other.all(PartitionChanged))
        runs = await stage.ask_many((n % 4, stage.request(MODEL)) for n in range(8))
        theirs = [run for run in runs if run.partition in before]
        await stage.outputs.until(lambda: all(stage.outputs.results_of(run) for run in theirs))
        async with running_member(named(stage, "a")) as again:
            await again.has_claimed(2)
            assert owned(again).keys() == mine.keys()
            await stage.outputs.until(lambda: all(stage.outputs.results_of(run) for run in runs))
        assert owned(other) == before
        assert len(other.all(PartitionChanged)) == seen


async def test_of_two_with_one_name_the_former_ends(bootstrap: str, topic_prefix: str) -> None:
    """It does not take the name back, which the other one would do in turn, for ever."""
    async with staged(bootstrap, topic_prefix, MODEL, kafka=LONG_SESSION) as stage, AsyncExitStack() as stack:
        former = await stack.enter_async_context(running_member(named(stage, "twin")))
        await former.has_claimed(4)
        async with running_member(named(stage, "twin")) as later:
            await eventually(lambda: former.has_ended, lambda: former.worker.consumer)
            with pytest.raises(SetupError, match=r"has joined group .* as kafka\.instance_id twin, and has taken"):
                await stack.aclose()
            membership = later.worker.consumer._rebalance._membership
            assert await membership.is_alive(membership.generation)
            await later.has_claimed(4)
            assert (await stage.outputs.result(await stage.ask(MODEL))).status == "completed"


async def lose_the_name_in_a_join(stage: Stage, folder: Path) -> None:
    """The join of a member waits for another one that is frozen, when a third one takes its name."""
    with ExitStack() as stack:

        def start(settings: Settings, name: str) -> Program:
            (folder / name).mkdir()
            return stack.enter_context(running_program(settings, folder / name))

        async with running_member(named(stage, "twin")) as member:
            await member.has_claimed(4)
            frozen = start(named(stage, "frozen"), "frozen")
            await frozen.has_said("started")
            await member.has_claimed(2)
            frozen.pause()
            start(stage.settings, "late")
            await eventually(lambda: not member.worker.consumer.is_member)
            start(named(stage, "twin"), "twin")
            await eventually(lambda: member.has_ended, lambda: member.worker.consumer)


async def test_a_name_that_is_taken_in_the_middle_of_a_join_ends_its_owner(
    bootstrap: str, topic_prefix: str, tmp_path: Path
) -> None:
    """Kafka's answer to that join is one that aiokafka does not know; it would ask again for ever."""
    async with staged(bootstrap, topic_prefix, MODEL, kafka=LONG_SESSION) as stage:
        with pytest.raises(SetupError, match=r"as kafka\.instance_id twin, and has taken"):
            await lose_the_name_in_a_join(stage, tmp_path)


async def test_a_process_whose_name_was_taken_exits_with_2(bootstrap: str, topic_prefix: str, tmp_path: Path) -> None:
    """With one sentence: whoever started it twice sees why it is gone."""
    async with staged(bootstrap, topic_prefix, MODEL, kafka=LONG_SESSION) as stage:
        with running_program(named(stage, "twin"), tmp_path) as program:
            await program.has_said("started")
            async with running_member(named(stage, "twin")) as later:
                assert await program.exit_code() == 2
                assert "give each process its own" in program.last_words()
                assert "Traceback" not in program.last_words()
                await later.has_claimed(4)
