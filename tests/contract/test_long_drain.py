"""A drain that is longer than aiokafka's patience with a consumer that nobody polls."""

import asyncio

import pytest

from tests.contract.harness.bookkeeping import accounted
from tests.contract.harness.member import running_member
from tests.contract.harness.stage import staged
from tests.contract.harness.waiting import eventually

SLOW = "mock-t40-i100"


async def test_a_long_drain_keeps_its_partitions(
    bootstrap: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker with ten minutes for its drain was out of the group after five.

    aiokafka leaves a group when nobody polls, and a drain polls no more. The next owner bought the running calls once
    more, and what this one had finished was never committed.
    """
    monkeypatch.setattr(
        "streamproc.kafka.connection._POLL_SECONDS", 1.0
    )  # of aiokafka's patience; five minutes are too long here
    async with (
        staged(bootstrap, topic_prefix, SLOW, worker={"drain_seconds": 100}) as stage,
        running_member(stage.settings) as member,
    ):
        run = await stage.ask(SLOW)
        await eventually(lambda: stage.mock.stats.snapshot()["running"] == 1)
        draining = asyncio.create_task(member.worker.drain())
        result = await stage.outputs.result(run)
        assert (result.status, await draining) == ("completed", 0)
        assert len(await accounted(stage.mock, stage.outputs)) == 1
