"""Topics: made, listed and deleted by an operator; none is made by accident."""

import asyncio
from typing import Any

import pytest
from aiokafka.protocol.admin import CreateTopicsRequest_v3
from aiokafka.protocol.metadata import MetadataRequest_v5

from streamproc.embedded.codes import Code
from tests.contract.broker.batches import batch
from tests.contract.broker.conftest import Connect
from tests.contract.broker.partition import EARLIEST, LATEST, Partition
from tests.contract.broker.topics import create, delete, listed, make
from tests.contract.broker.wire import Wire
from tests.contract.harness.waiting import eventually_found


async def test_a_topic_has_the_partitions_it_was_made_with(wire: Wire, topic_prefix: str) -> None:
    """All are led by the one broker there is."""
    made = await make(wire, topic_prefix, 3)
    answer = await wire.ask(MetadataRequest_v5([topic_prefix], False))
    ((node, host, port, _),) = answer.brokers
    assert host == "127.0.0.1"
    assert port > 0
    assert answer.controller_id == node
    ((code, topic, is_internal, partitions),) = answer.topics
    assert (code, topic, is_internal) == (Code.NONE, topic_prefix, False)
    assert sorted(partitions) == [(Code.NONE, one.number, node, [node], [node], []) for one in made]


async def test_metadata_lists_all_topics_or_those_asked_for_or_none(wire: Wire, topic_prefix: str) -> None:
    """None of them, a list and an empty list are three wishes."""
    first, second = f"{topic_prefix}.a", f"{topic_prefix}.b"
    for topic in (first, second):
        await make(wire, topic)

    async def names(topics: list[str] | None) -> set[str]:
        return {topic for _, topic, *_ in (await wire.ask(MetadataRequest_v5(topics, False))).topics}

    assert {first, second} <= await names(None)
    assert await names([second]) == {second}
    assert await names([]) == set()


@pytest.mark.parametrize("auto_create", [False, True])
async def test_an_unknown_topic_is_told_and_not_made(wire: Wire, topic_prefix: str, auto_create: bool) -> None:
    """Also for a client that would like to have it made."""
    ((code, topic, _, partitions),) = (await wire.ask(MetadataRequest_v5([topic_prefix], auto_create))).topics
    assert (code, topic, partitions) == (Code.UNKNOWN_TOPIC_OR_PARTITION, topic_prefix, [])
    assert await create(wire, topic_prefix) == Code.NONE


async def test_a_bad_name_is_told_by_metadata(wire: Wire) -> None:
    """It is wrong, which is more than unknown."""
    assert await listed(wire, "a b") == (Code.INVALID_TOPIC_EXCEPTION, 0)


async def test_a_topic_is_made_once(wire: Wire, topic_prefix: str) -> None:
    """What is there already stays as it is."""
    assert await create(wire, topic_prefix, 2) == Code.NONE
    assert await create(wire, topic_prefix, 3) == Code.TOPIC_ALREADY_EXISTS


async def test_of_several_topics_those_that_can_be_are_made(wire: Wire, topic_prefix: str) -> None:
    """Each has its own code, and those refused a sentence."""
    good, bad = f"{topic_prefix}.good", f"{topic_prefix}.b d"
    answer = await wire.ask(CreateTopicsRequest_v3([(good, 1, 1, [], []), (bad, 1, 1, [], [])], 10_000, False))
    codes = {topic: (code, message) for topic, code, message in answer.topic_errors}
    assert codes[good] == (Code.NONE, None)
    assert codes[bad][0] == Code.INVALID_TOPIC_EXCEPTION
    assert codes[bad][1]


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "a/b", "café", "x" * 250], ids=repr)
async def test_a_name_outside_the_rules_is_refused(wire: Wire, name: str) -> None:
    """Letters, digits, `.`, `_` and `-`, at most 249 of them, and no bare dots."""
    assert await create(wire, name) == Code.INVALID_TOPIC_EXCEPTION


async def test_a_name_of_249_characters_is_taken(wire: Wire, topic_prefix: str) -> None:
    """All kinds of characters in it."""
    assert await create(wire, f"{topic_prefix}-.aZ9".ljust(249, "x")) == Code.NONE


async def test_dots_and_underscores_collide(wire: Wire, topic_prefix: str) -> None:
    """They are one character in the names of metrics."""
    assert await create(wire, f"{topic_prefix}.a") == Code.NONE
    assert await create(wire, f"{topic_prefix}_a") == Code.INVALID_TOPIC_EXCEPTION


async def test_more_replicas_than_brokers_are_refused(wire: Wire, topic_prefix: str) -> None:
    """As are none; -1 is the broker's default."""
    for replicas in (2, 0):
        assert await create(wire, topic_prefix, replicas=replicas) == Code.INVALID_REPLICATION_FACTOR
    assert await create(wire, topic_prefix, replicas=-1) == Code.NONE


async def test_a_topic_has_at_least_one_partition(wire: Wire, topic_prefix: str) -> None:
    """-1 is the broker's default."""
    for partitions in (0, -2):
        assert await create(wire, topic_prefix, partitions) == Code.INVALID_PARTITIONS
    assert await create(wire, topic_prefix, -1) == Code.NONE


async def test_a_topic_that_is_only_checked_is_not_made(wire: Wire, topic_prefix: str) -> None:
    """The answer is that of the real request."""
    assert await create(wire, topic_prefix, validate_only=True) == Code.NONE
    assert await create(wire, topic_prefix) == Code.NONE
    assert await create(wire, topic_prefix, validate_only=True) == Code.TOPIC_ALREADY_EXISTS


async def test_a_topic_named_twice_in_a_request_is_refused(wire: Wire, topic_prefix: str) -> None:
    """And not made."""
    twice: list[tuple[Any, ...]] = [(topic_prefix, 1, 1, [], [])] * 2
    answer = await wire.ask(CreateTopicsRequest_v3(twice, 10_000, False))
    assert {(topic, code) for topic, code, _ in answer.topic_errors} == {(topic_prefix, Code.INVALID_REQUEST)}
    assert await create(wire, topic_prefix) == Code.NONE


async def test_a_deleted_topic_is_gone(wire: Wire, topic_prefix: str) -> None:
    """Writers, readers and operators are told so."""
    (gone,) = await make(wire, topic_prefix)
    await gone.produce(batch(b"a"))
    assert await delete(wire, topic_prefix) == Code.NONE

    async def is_unknown() -> bool:
        codes = [(await gone.produce(batch(b"b"))).code, (await gone.fetch()).code, (await gone.find(LATEST)).code]
        return {*codes, (await listed(wire, topic_prefix))[0]} == {Code.UNKNOWN_TOPIC_OR_PARTITION}

    await eventually_found(is_unknown)
    assert await delete(wire, topic_prefix) == Code.UNKNOWN_TOPIC_OR_PARTITION


async def test_a_waiting_fetch_is_told_that_its_topic_was_deleted(
    wire: Wire, connect: Connect, topic_prefix: str
) -> None:
    """It does not wait for records that cannot come."""
    await make(wire, topic_prefix)
    reader = Partition(await connect(), topic_prefix)
    waiting = asyncio.create_task(reader.fetch(wait_ms=2_000_000_000))
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    assert not done
    assert await delete(wire, topic_prefix) == Code.NONE
    assert (await waiting).code == Code.UNKNOWN_TOPIC_OR_PARTITION


async def test_a_topic_made_anew_is_empty(wire: Wire, topic_prefix: str) -> None:
    """Nothing of its former life is there."""
    (first,) = await make(wire, topic_prefix)
    await first.produce(batch(b"a", b"b"))
    assert await delete(wire, topic_prefix) == Code.NONE

    async def is_unknown() -> bool:
        return (await first.find(EARLIEST)).code == Code.UNKNOWN_TOPIC_OR_PARTITION

    await eventually_found(is_unknown)
    (second,) = await make(wire, topic_prefix)
    assert (await second.find(LATEST)).offset == 0
    assert (await second.produce(batch(b"c"))).offset == 0
