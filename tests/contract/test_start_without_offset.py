"""A group without committed offsets on a topic with records: new, or forgotten by Kafka. Nobody can tell, so it is asked."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from streamproc.errors import SetupError
from tests.contract.harness.member import running_member
from tests.contract.harness.stage import Stage, staged
from tests.contract.harness.waiting import eventually

MODEL = "mock-t5-i1-f2"
REFUSE = {"start_without_offset": "refuse"}


async def refused(stage: Stage) -> str:
    """What a worker says that does not start."""
    with pytest.raises(SetupError) as caught:
        async with running_member(stage.settings) as member:
            await eventually(lambda: member.has_ended)
    return str(caught.value)


async def test_records_without_an_offset_end_the_worker(bootstrap: str, topic_prefix: str) -> None:
    """No call, no result, no offset, not even for the partitions that are empty: that would vouch for the others."""
    async with staged(bootstrap, topic_prefix, MODEL, kafka=REFUSE) as stage:
        await stage.ask_many((2, stage.request(MODEL)) for _ in range(3))
        sentence = await refused(stage)
        (source,), group = stage.settings.sources, stage.settings.kafka.group
        assert sentence.startswith(
            f"topic {source.topic} holds 3 records, and group {group} has no committed offset for it"
        )
        assert 'kafka.start_without_offset = "earliest"' in sentence
        assert "streamproc offsets reset" in sentence
        assert await stage.committed() == {}
        assert await refused(stage) == sentence
        await stage.outputs.rest()
        assert (stage.outputs.records, stage.mock.stats.snapshot()["requests"]) == ([], 0)


async def test_offsets_that_kafka_forgot_are_missed(bootstrap: str, topic_prefix: str) -> None:
    """Kafka drops the offsets of a group that had no members for a week; every answer would be bought again."""
    async with staged(bootstrap, topic_prefix, MODEL, kafka=REFUSE) as stage:
        async with running_member(stage.settings) as member:
            await member.has_claimed(4)
            run = await stage.ask(MODEL)
            await stage.outputs.result(run)
            await stage.has_committed(run)
        await stage.forget_offsets()
        assert "holds 1 records" in await refused(stage)
        assert stage.mock.stats.snapshot()["requests"] == 1


async def test_an_empty_topic_needs_no_choice(bootstrap: str, topic_prefix: str) -> None:
    """The first worker of a new group begins, and its group has offsets from then on."""
    async with staged(bootstrap, topic_prefix, MODEL, kafka=REFUSE) as stage:
        async with running_member(stage.settings) as member:
            await member.has_claimed(4)
        run = await stage.ask(MODEL)
        async with running_member(stage.settings):
            assert (await stage.outputs.result(run)).status == "completed"


async def test_a_partition_that_was_added_needs_no_choice(bootstrap: str, topic_prefix: str) -> None:
    """The group knows the topic's other partitions, so this one is new; its records were never answered."""
    async with staged(bootstrap, topic_prefix, MODEL, kafka=REFUSE) as stage:
        run = await stage.ask(MODEL, partition=3)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, group_id=stage.settings.kafka.group, enable_auto_commit=False
        )
        await consumer.start()
        known = TopicPartition(run.topic, 0)
        consumer.assign([known])
        await consumer.commit({known: 0})
        await consumer.stop()
        async with running_member(stage.settings):
            assert (await stage.outputs.result(run)).status == "completed"


async def test_an_offset_behind_the_end_of_its_partition_ends_the_worker(bootstrap: str, topic_prefix: str) -> None:
    """The topic lost records, and the next ones would take offsets that count as finished: nobody would hear of them."""
    async with staged(bootstrap, topic_prefix, MODEL, kafka=REFUSE) as stage:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, group_id=stage.settings.kafka.group, enable_auto_commit=False
        )
        await consumer.start()
        key = TopicPartition(stage.settings.sources[0].topic, 1)
        consumer.assign([key])
        await consumer.commit({key: 7})
        await consumer.stop()
        run = await stage.ask(MODEL, partition=1)
        assert f"{key.topic} partition 1 up to offset 7, and the partition ends at 1" in await refused(stage)
        assert (run.offset, stage.mock.stats.snapshot()["requests"]) == (0, 0)


@pytest.mark.parametrize(("choice", "answered"), [("earliest", 3), ("latest", 1)])
async def test_a_choice_starts_the_group(choice: str, answered: int, bootstrap: str, topic_prefix: str) -> None:
    """Either everything that is there is answered, or what comes from now on."""
    async with staged(bootstrap, topic_prefix, MODEL, kafka={"start_without_offset": choice}) as stage:
        before = await stage.ask_many((0, stage.request(MODEL)) for _ in range(2))
        async with running_member(stage.settings) as member:
            await member.has_claimed(4)
            after = await stage.ask(MODEL)
            await asyncio.gather(stage.outputs.result(after), stage.has_committed(after))
        await stage.outputs.rest()
        wanted = {str(run) for run in [*before, after][-answered:]}
        assert {result.run_id for result in stage.outputs.results} == wanted
