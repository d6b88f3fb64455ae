"""Results, bills and offsets are one fact: workers that are shut out, frozen or cut off in the middle double nothing."""

import asyncio
from functools import partial
from pathlib import Path

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from streamproc.kafka.metadata import CommitMetadata
from streamproc.observe.events import PublishBroke
from tests.contract.harness.member import Member, running_member
from tests.contract.harness.program import running_program
from tests.contract.harness.stage import Stage, staged
from tests.contract.harness.waiting import eventually, eventually_found

MODEL = "mock-t20-i5-f5"
LONG = "mock-t150-i10-f5"
QUICK_SESSION = {"session_timeout_seconds": 3.0, "heartbeat_interval_seconds": 0.5}


def transactional_id(stage: Stage, partition: int) -> str:
    """The id under which a worker commits for a partition of the stage's request topic."""
    (source,) = stage.settings.sources
    return f"{stage.settings.kafka.group}/{source.topic}/{partition}"


async def shut_out(stage: Stage, partition: int) -> None:
    """What a new owner does first: the former one's producer is of no use from now on."""
    producer = AIOKafkaProducer(
        bootstrap_servers=stage.settings.kafka.bootstrap_servers, transactional_id=transactional_id(stage, partition)
    )
    await producer.start()
    await producer.stop()


def has_broken(member: Member, times: int) -> bool:
    """Whether so many transactions of it broke."""
    return len(member.all(PublishBroke)) >= times


async def test_a_worker_that_is_shut_out_by_mistake_claims_again(bootstrap: str, topic_prefix: str) -> None:
    """Its calls go on meanwhile: each run has one result and one call, under fences that keep coming."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage, running_member(stage.settings) as member:
        await member.has_claimed(4)
        runs = []
        for number in range(1, 4):
            runs += await stage.ask_many((n % 4, stage.request(MODEL)) for n in range(4))
            await shut_out(stage, 0)
            runs += await stage.ask_many((n % 4, stage.request(MODEL)) for n in range(4))
            await eventually(partial(has_broken, member, number), lambda: member.worker.consumer)
            await member.has_claimed(4)
        await stage.outputs.until(lambda: all(stage.outputs.results_of(run) for run in runs))
        await asyncio.gather(*(stage.has_committed(run) for run in runs[-4:]))
        await stage.outputs.rest()
        assert stage.outputs.twice() == {}
        assert len(stage.outputs.results) == len(stage.outputs.usage) == len(runs) == 24
        assert stage.mock.stats.snapshot()["requests"] == 24


async def test_an_open_transaction_of_a_dead_owner_is_never_seen(bootstrap: str, topic_prefix: str) -> None:
    """Its result and its offset vanish together; the next owner starts where the last whole transaction stood."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage:
        run = await stage.ask(MODEL)
        (source,) = stage.settings.sources
        dead = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            transactional_id=transactional_id(stage, run.partition),
            transaction_timeout_ms=600_000,  # Kafka itself would end it long after the test
        )
        await dead.start()
        await dead.begin_transaction()
        await dead.send_and_wait(stage.settings.topics.results, b"half of it", partition=run.partition)
        done = OffsetAndMetadata(run.offset + 1, CommitMetadata(epoch=1).encode())
        await dead.send_offsets_to_transaction(
            {TopicPartition(source.topic, run.partition): done}, stage.settings.kafka.group
        )
        async with running_member(stage.settings):
            result = await stage.outputs.result(run)
            await stage.has_committed(run)
            await stage.outputs.rest()
        assert result.status == "completed"
        assert len(stage.outputs.results) == 1
        await dead.stop()


async def test_a_frozen_worker_that_wakes_up_doubles_nothing(bootstrap: str, topic_prefix: str, tmp_path: Path) -> None:
    """It froze with calls on their way, for longer than its session; another worker answered them all meanwhile."""
    async with staged(bootstrap, topic_prefix, LONG, kafka=QUICK_SESSION) as stage:
        with running_program(stage.settings, tmp_path) as program:
            await program.has_said("started")

            async def all_have_an_owner() -> bool:
                return len(await stage.committed()) == 4

            await eventually_found(all_have_an_owner)
            runs = await stage.ask_many((n % 4, stage.request(LONG)) for n in range(12))
            await stage.outputs.until(lambda: all(len(stage.outputs.chunks_of(run)) >= 3 for run in runs))
            program.pause()
            async with running_member(stage.settings) as other:
                await other.has_claimed(4)
                await stage.outputs.until(lambda: all(stage.outputs.results_of(run) for run in runs))
                program.resume()
                more = await stage.ask_many((n % 4, stage.request(LONG)) for n in range(8))
                await eventually(lambda: other.claimed == 2, lambda: other.worker.consumer)
                await stage.outputs.until(lambda: all(stage.outputs.results_of(run) for run in more))
                await asyncio.gather(*(stage.has_committed(run) for run in more[-4:]))
        await stage.outputs.rest()
        assert stage.outputs.twice() == {}
        assert len(stage.outputs.results) == 20
        for run in (*runs, *more):
            result = await stage.outputs.result(run)
            assert (result.status, result.text) == ("completed", stage.outputs.text_of(run))
