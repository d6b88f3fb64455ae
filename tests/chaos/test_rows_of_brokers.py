"""The failure table, rows 14, 15, 21 and 23: brokers go away, or refuse what they are sent."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.chaos.scene import LONG, QUICK, SESSION_SECONDS, scene
from tests.chaos.step import Side
from tests.contract.harness.waiting import eventually_found
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


@pytest.mark.parametrize("api", ["TxnOffsetCommit", "EndTxn"])
async def test_row_14_the_time_of_a_transaction_runs_out(
    api: str, embedded: str, topic_prefix: str, tmp_path: Path
) -> None:
    """The brokers are away for so long that they end it: its worker is refused, claims again, and publishes again."""
    kafka = {"session_timeout_seconds": 30.0, "transaction_timeout_seconds": 2.0}
    async with scene(embedded, topic_prefix, tmp_path, kafka=kafka) as act, act.victim() as victim:
        step = act.proxy.hold(api, "request")
        await act.ask(QUICK, 0)
        await step.reached()
        await act.proxy.go_down()
        await eventually_found(lambda: is_over(embedded, TopicPartition(act.stage.settings.topics.results, 0)))
        await act.proxy.come_back()
        await victim.has_said("publish broke")
        await act.ask(QUICK, 0, 1, 2, 3)
        assert (await act.counts()).faults == {}
        assert act.bought_twice == 0


async def is_over(bootstrap: str, key: TopicPartition) -> bool:
    """Whether no transaction is open in a partition: nothing is hidden from who reads committed records."""
    ends: list[int] = []
    for level in ("read_committed", "read_uncommitted"):
        consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level=level)
        await consumer.start()
        try:
            ends.append((await consumer.end_offsets([key]))[key])
        finally:
            await consumer.stop()
    return ends[0] == ends[1]


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


async def test_row_21_no_unclean_leader_is_elected(embedded: str, topic_prefix: str, tmp_path: Path) -> None:
    """A replica that lags may not lead: committed records would vanish. A worker does not start where it may."""
    async with scene(embedded, topic_prefix, tmp_path) as act:
        await act.stage.configure(act.stage.settings.topics.results, "unclean.leader.election.enable", "true")
        with act.starting_victim() as victim:
            assert await victim.exit_code() == 2
            await victim.has_said("unclean.leader.election.enable is true")


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
        # On a busy machine one of them may have ended before.
        assert max(len({chunk.attempt for chunk in act.stage.outputs.chunks_of(run)}) for run in runs) >= 2
