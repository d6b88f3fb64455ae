"""The failure table, rows 14, 15, 21 and 23: brokers go away, or refuse what they are sent."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.chaos.scene import LONG, QUICK, SESSION_SECONDS, scene
from tests.chaos.step import Side
from tests.servers.kafka import Broker
from tests.servers.process import ServerMissing


@pytest.fixture(scope="module")
def broker(kafka: str) -> Iterator[Broker]:
    """A broker that may be hurt. The shared one is asked for first: without it there is none here either."""
    try:
        own = Broker()
    except ServerMissing as missing:
        pytest.skip(str(missing))
    with own:
        yield own


@pytest.mark.parametrize(("api", "side"), [("Produce", "answer"), ("EndTxn", "request"), ("EndTxn", "answer")])
async def test_row_14_the_broker_is_killed_in_a_transaction(
    api: str, side: Side, broker: Broker, topic_prefix: str, tmp_path: Path
) -> None:
    """It comes back with what it had decided: the worker asks again, or claims again and reads it."""
    async with scene(broker.bootstrap, topic_prefix, tmp_path) as act, act.victim():
        results = act.stage.settings.topics.results
        step = act.proxy.hold(api, side, topic=results if api == "Produce" else None)
        await act.ask(QUICK, 0, 1, 2, 3)
        await step.reached()
        broker.kill()
        step.cut()
        broker.launch()
        await asyncio.to_thread(broker.wait_until_ready)
        await act.ask(QUICK, 0, 1, 2, 3)
        assert (await act.counts()).faults == {}


async def test_row_15_the_whole_cluster_is_away(embedded: str, topic_prefix: str, tmp_path: Path) -> None:
    """For longer than a session, with calls on their way: they end, wait to be published, and nothing is doubled."""
    async with scene(embedded, topic_prefix, tmp_path) as act, act.victim():
        runs = await act.ask(LONG, 0, 1, 2, 3)
        await act.is_streaming(runs)
        await act.proxy.go_down()
        await asyncio.sleep(SESSION_SECONDS + 1)
        await act.proxy.come_back()
        await act.ask(QUICK, 0, 1, 2, 3)
        assert (await act.counts()).faults == {}
        assert act.bought_twice == 0


async def test_row_21_no_unclean_leader_is_elected(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    """A replica that lags may not lead, in none of our topics: committed records would vanish."""
    async with scene(kafka, topic_prefix, tmp_path) as act:
        topics = act.stage.settings.topics
        names = [*topics.outputs(), topics.control, act.stage.settings.sources[0].topic]
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        try:
            answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
        finally:
            await admin.close()
        found = [
            entry[1]
            for answer in answers
            for resource in answer.resources
            for entry in resource[4]
            if entry[0] == "unclean.leader.election.enable"
        ]
        assert found == ["false"] * len(names)


async def test_row_23_the_producer_of_chunks_is_poisoned(embedded: str, topic_prefix: str, tmp_path: Path) -> None:
    """One refused batch breaks it for good: a new one says the streams again under a higher attempt, of one call."""
    async with scene(embedded, topic_prefix, tmp_path) as act, act.victim() as victim:
        runs = await act.ask(LONG, 0, 1)
        await act.is_streaming(runs)
        chunks = act.stage.settings.topics.chunks
        await act.stage.let_topic_hold(chunks, 200)
        await victim.has_said("publish broke")
        await act.stage.let_topic_hold(chunks, 1_000_000)
        assert (await act.counts()).faults == {}
        assert act.bought_twice == 0
        for run in runs:
            assert len({chunk.attempt for chunk in act.stage.outputs.chunks_of(run)}) >= 2
