"""Offsets that groups commit: who may, what is kept, and what is refused."""

import asyncio

from aiokafka.protocol.commit import OffsetFetchRequest_v3

from streamproc.embedded.codes import Code
from tests.contract.broker.crew import Crew, assign, has_rebalance
from tests.contract.broker.member import Committed, commit, committed
from tests.contract.broker.partition import Partition
from tests.contract.broker.topics import delete, make
from tests.contract.broker.wire import Wire
from tests.contract.harness.waiting import eventually_found

NOTHING = Committed(-1, "")


async def test_nothing_is_committed_at_first(partition: Partition, topic_prefix: str) -> None:
    """-1 and no metadata, also for what does not exist."""
    assert await committed(partition.wire, topic_prefix, partition.topic) == NOTHING
    assert await committed(partition.wire, topic_prefix, f"{partition.topic}.nowhere", 7) == NOTHING


async def test_an_offset_is_kept_with_its_metadata(partition: Partition, topic_prefix: str) -> None:
    """The last one counts, also when it is lower; a commit without metadata has empty ones."""
    wire, topic = partition.wire, partition.topic
    for offset, metadata in ((5, "five"), (3, "drei – ☃")):
        assert await commit(wire, topic_prefix, topic, offset, metadata) == Code.NONE
        assert await committed(wire, topic_prefix, topic) == Committed(offset, metadata)
    assert await commit(wire, topic_prefix, topic, 4, None) == Code.NONE
    assert await committed(wire, topic_prefix, topic) == Committed(4, "")


async def test_groups_do_not_meet(partition: Partition, topic_prefix: str) -> None:
    """The same partition has an offset in each."""
    for n in range(3):
        await commit(partition.wire, f"{topic_prefix}.{n}", partition.topic, n)
    found = [(await committed(partition.wire, f"{topic_prefix}.{n}", partition.topic)).offset for n in range(3)]
    assert found == [0, 1, 2]


async def test_all_offsets_of_a_group_can_be_asked_for(wire: Wire, topic_prefix: str) -> None:
    """Without a list of partitions; those without an offset are not in it."""
    first, _, third = await make(wire, topic_prefix, 3)
    for partition in (first, third):
        await commit(wire, topic_prefix, topic_prefix, 10 + partition.number, "m", partition=partition.number)
    answer = await wire.ask(OffsetFetchRequest_v3(topic_prefix, None))
    ((topic, partitions),) = answer.topics
    assert (topic, sorted(partitions)) == (topic_prefix, [(0, 10, "m", 0), (2, 12, "m", 0)])
    assert (await wire.ask(OffsetFetchRequest_v3(f"{topic_prefix}.nobody", None))).topics == []


async def test_metadata_may_have_4096_characters(partition: Partition, topic_prefix: str) -> None:
    """Characters, not bytes. One more is refused, and what was committed before stays."""
    wire, topic = partition.wire, partition.topic
    assert await commit(wire, topic_prefix, topic, 1, "é" * 4096) == Code.NONE
    assert await commit(wire, topic_prefix, topic, 2, "x" * 4097) == Code.OFFSET_METADATA_TOO_LARGE
    assert await committed(wire, topic_prefix, topic) == Committed(1, "é" * 4096)
    assert await commit(wire, topic_prefix, topic, 3, "x" * 4096) == Code.NONE


async def test_a_character_outside_the_first_plane_counts_twice(partition: Partition, topic_prefix: str) -> None:
    """Kafka counts as Java does."""
    assert await commit(partition.wire, topic_prefix, partition.topic, 1, "😀" * 2048) == Code.NONE
    assert await commit(partition.wire, topic_prefix, partition.topic, 1, "😀" * 2049) == Code.OFFSET_METADATA_TOO_LARGE


async def test_an_unknown_topic_or_partition_is_refused(partition: Partition, topic_prefix: str) -> None:
    """Nothing is kept for it."""
    wire, nowhere = partition.wire, f"{partition.topic}.nowhere"
    assert await commit(wire, topic_prefix, nowhere, 1) == Code.UNKNOWN_TOPIC_OR_PARTITION
    assert await commit(wire, topic_prefix, partition.topic, 1, partition=1) == Code.UNKNOWN_TOPIC_OR_PARTITION
    assert await committed(wire, topic_prefix, nowhere) == NOTHING


async def test_a_group_without_a_name_can_have_offsets(partition: Partition) -> None:
    """A relic of old clients; it can have no members."""
    assert await commit(partition.wire, "", partition.topic, 1) == Code.NONE


async def test_a_member_commits_in_its_generation(crew: Crew, partition: Partition) -> None:
    """And in no other."""
    member = await (await crew.recruit()).alone()
    assert await member.commit(partition.topic, 1, "mine") == Code.NONE
    for generation in (0, 2):
        member.generation = generation
        assert await member.commit(partition.topic, 2) == Code.ILLEGAL_GENERATION
    assert await committed(member.wire, crew.group, partition.topic) == Committed(1, "mine")


async def test_an_outsider_cannot_commit_to_a_group_with_members(crew: Crew, partition: Partition) -> None:
    """Neither under a wrong name nor without one."""
    member = await (await crew.recruit()).alone()
    outsiders = {(-1, ""): Code.UNKNOWN_MEMBER_ID, (1, "stranger"): Code.UNKNOWN_MEMBER_ID}
    outsiders |= {(1, ""): Code.UNKNOWN_MEMBER_ID, (-1, member.id): Code.ILLEGAL_GENERATION}
    for outsider, code in outsiders.items():
        assert await commit(member.wire, crew.group, partition.topic, 1, member=outsider) == code, outsider
    assert await committed(member.wire, crew.group, partition.topic) == NOTHING


async def test_anybody_commits_to_a_group_without_members(crew: Crew, partition: Partition) -> None:
    """Also to one that had members; one that left is not anybody."""
    member = await (await crew.recruit()).alone()
    await member.leave()
    assert await commit(member.wire, crew.group, partition.topic, 7) == Code.NONE
    assert await member.commit(partition.topic, 8) == Code.UNKNOWN_MEMBER_ID
    assert await committed(member.wire, crew.group, partition.topic) == Committed(7, "")


async def test_a_member_of_a_group_that_is_not_there_cannot_commit(partition: Partition, topic_prefix: str) -> None:
    """Its group was deleted, or the broker has forgotten it."""
    code = await commit(partition.wire, topic_prefix, partition.topic, 1, member=(1, "lost"))
    assert code == Code.ILLEGAL_GENERATION


async def test_offsets_survive_their_members(crew: Crew, partition: Partition) -> None:
    """The next ones go on from them."""
    member = await (await crew.recruit()).alone()
    await member.commit(partition.topic, 5, "five")
    await member.leave()
    await (await crew.recruit()).alone()
    assert await committed(member.wire, crew.group, partition.topic) == Committed(5, "five")


async def test_a_member_may_commit_until_it_joins_again(crew: Crew, partition: Partition) -> None:
    """While a rebalance gathers the members, yes; while it waits for the assignment, no."""
    first, second = await crew.recruit(), await crew.recruit()
    await first.alone()
    await second.join()
    waiting = asyncio.create_task(second.join())
    await has_rebalance(first)
    assert await first.commit(partition.topic, 1) == Code.NONE
    await first.join()
    await waiting
    assert await first.commit(partition.topic, 2) == Code.REBALANCE_IN_PROGRESS
    await assign(first, second)
    assert await first.commit(partition.topic, 3) == Code.NONE


async def test_offsets_of_a_deleted_topic_are_deleted(wire: Wire, topic_prefix: str) -> None:
    """A topic of the same name begins anew."""
    await make(wire, topic_prefix)
    await commit(wire, topic_prefix, topic_prefix, 5)
    assert await delete(wire, topic_prefix) == Code.NONE

    async def is_gone() -> bool:
        return await committed(wire, topic_prefix, topic_prefix) == NOTHING

    await eventually_found(is_gone)
