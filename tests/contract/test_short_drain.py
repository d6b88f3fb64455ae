"""A drain that is over before a round of polling is."""

import asyncio

import pytest

from tests.contract.harness.member import running_member
from tests.contract.harness.stage import staged
from tests.contract.harness.waiting import eventually


async def test_a_round_that_outlives_the_consumer_is_no_failure(
    bootstrap: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker without partitions was stopped while it waited for room, polled a closed consumer, and died of that.

    It had drained well, and ended with a traceback all the same.
    """
    monkeypatch.setattr("streamproc.kafka.intake._POLL_MS", 2000)  # so that the round is the longer one
    monkeypatch.setattr("streamproc.kafka.intake._IDLE_POLL_SECONDS", 0.0)
    async with (
        staged(bootstrap, topic_prefix, "mock-t3-i0-f0", topics={"partitions": 1}) as stage,
        running_member(stage.settings) as owner,
        running_member(stage.settings) as idle,
    ):
        await eventually(lambda: owner.worker.consumer.is_member and idle.worker.consumer.is_member)
        spare = next(member for member in (owner, idle) if not member.worker.consumer.assignments)
        await asyncio.sleep(0.1)  # its round has begun
        assert await spare.worker.drain() == 0
        assert spare.polling is not None
        assert not spare.polling.done()
        await spare.polling
