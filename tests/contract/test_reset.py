"""Offsets are set under nobody's hands: neither a worker's that joins just then, nor a dead one's."""

from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import ProducerFenced
from aiokafka.structs import OffsetAndMetadata

from streamproc.errors import SetupError
from streamproc.kafka.connection import client_options
from streamproc.kafka.metadata import CommitMetadata, MetadataState
from streamproc.kafka.positions import PositionReader
from streamproc.kafka.reset import Change, apply
from streamproc.kafka.transactor import transactors
from streamproc.system_clock import SystemClock
from tests.contract.harness.member import running_member
from tests.contract.harness.stage import Stage, staged

MODEL = "mock-t5-i1-f2"
NOW = 1_900_000_000.0


async def planned(stage: Stage, reader: PositionReader) -> list[Change]:
    """Every partition of the request topic to its end."""
    (source,) = stage.settings.sources
    return [Change(position, position.end) for position in await reader.positions([source.topic])]


async def carry_out(stage: Stage, reader: PositionReader, changes: list[Change]) -> Any:
    """Sets the offsets as the command does."""
    kafka = stage.settings.kafka
    return await apply(reader, changes, transactors(client_options(kafka), {}, kafka.group, 6, SystemClock()), NOW)


async def test_offsets_are_set_with_a_higher_epoch(bootstrap: str, topic_prefix: str) -> None:
    """The clock's, or one more than the stored one; what was finished above the old offset is not said any more."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage, PositionReader.connect(stage.settings) as reader:
        run = await stage.ask(MODEL)
        changes = await planned(stage, reader)
        assert [change.position.committed for change in changes] == [None] * 4
        await carry_out(stage, reader, changes)
        first = (await planned(stage, reader))[run.partition].position
        assert (first.committed, first.stored.metadata) == (1, CommitMetadata(int(NOW)))
        await carry_out(stage, reader, await planned(stage, reader))
        second = (await planned(stage, reader))[run.partition].position
        assert second.stored.metadata == CommitMetadata(int(NOW) + 1)


async def test_a_dead_owner_moves_nothing_afterwards(bootstrap: str, topic_prefix: str) -> None:
    """Frozen outside its group, with an open transaction: a commit in it is asked for no membership."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage, PositionReader.connect(stage.settings) as reader:
        run, kafka = await stage.ask(MODEL), stage.settings.kafka
        key = TopicPartition(run.topic, run.partition)
        dead = AIOKafkaProducer(
            bootstrap_servers=bootstrap, transactional_id=f"{kafka.group}/{run.topic}/{run.partition}"
        )
        await dead.start()
        await dead.begin_transaction()
        await dead.send_offsets_to_transaction({key: OffsetAndMetadata(0, CommitMetadata(7).encode())}, kafka.group)
        await carry_out(stage, reader, await planned(stage, reader))
        with pytest.raises(ProducerFenced):
            await dead.commit_transaction()
        found = (await planned(stage, reader))[run.partition].position
        assert (found.committed, found.stored.epoch) == (1, int(NOW))
        await dead.stop()


async def test_a_worker_that_joins_meanwhile_keeps_its_offsets(bootstrap: str, topic_prefix: str) -> None:
    """Kafka itself refuses a commit from outside while somebody is in the group."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage, PositionReader.connect(stage.settings) as reader:
        async with running_member(stage.settings) as member:
            await member.has_claimed(4)
            assert (await reader.group()).members == 1
            before = await planned(stage, reader)
            offsets = {change.position.place: (0, "") for change in before}
            with pytest.raises(SetupError, match=r"has joined group .* meanwhile: nothing was changed"):
                await reader.commit(offsets)
            assert await planned(stage, reader) == before
        assert (await reader.group()).members == 0


async def test_offsets_that_moved_since_they_were_shown_are_left_alone(bootstrap: str, topic_prefix: str) -> None:
    """What was agreed to is not what would happen."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage, PositionReader.connect(stage.settings) as reader:
        changes = await planned(stage, reader)
        await stage.commit_as_somebody_else()
        with pytest.raises(SetupError, match="partition 0 has moved meanwhile: nothing was changed"):
            await carry_out(stage, reader, changes)
        states = [change.position.stored.state for change in await planned(stage, reader)]
        assert states == [MetadataState.FOREIGN, *[MetadataState.NONE] * 3]
