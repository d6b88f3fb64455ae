"""Settings of topics: given, read and changed."""

from collections.abc import Mapping

from aiokafka.protocol.admin import AlterConfigsRequest_v1, DescribeConfigsRequest_v2

from streamproc.embedded.codes import Code
from tests.contract.broker.batches import batch
from tests.contract.broker.partition import Partition
from tests.contract.broker.topics import create, make
from tests.contract.broker.wire import Wire
from tests.contract.harness.waiting import eventually_found

TOPIC, DEFAULT, TOPICS_OWN = 2, 5, 1
"""A kind of resource, and two sources of a value."""


async def read(wire: Wire, topic: str, *names: str) -> tuple[Code, dict[str, tuple[str, int]]]:
    """Code, and value and source of each setting; all settings when none is named."""
    answer = await wire.ask(DescribeConfigsRequest_v2([(TOPIC, topic, list(names) or None)], False))
    ((code, _, kind, name, entries),) = answer.resources
    assert (kind, name) == (TOPIC, topic)
    return Code(code), {entry[0]: (entry[1], entry[3]) for entry in entries}


async def alter(wire: Wire, topic: str, values: Mapping[str, str], *, validate_only: bool = False) -> Code:
    """One AlterConfigs request."""
    wanted = [(TOPIC, topic, list(values.items()))]
    ((code, _, _, _),) = (await wire.ask(AlterConfigsRequest_v1(wanted, validate_only))).resources
    return Code(code)


async def test_a_topic_has_the_usual_settings(partition: Partition) -> None:
    """Those that decide what becomes of its records, with Kafka's defaults."""
    code, found = await read(partition.wire, partition.topic)
    expected = {
        "cleanup.policy": "delete",
        "retention.ms": "604800000",
        "retention.bytes": "-1",
        "max.message.bytes": "1048588",
        "message.timestamp.type": "CreateTime",
        "compression.type": "producer",
    }
    assert code == Code.NONE
    assert {name: found.get(name) for name in expected} == {name: (value, DEFAULT) for name, value in expected.items()}


async def test_a_setting_of_its_own_is_told_as_such(wire: Wire, topic_prefix: str) -> None:
    """Asked for by name, with one that is not its own."""
    await make(wire, topic_prefix, retention_ms="60000")
    assert await read(wire, topic_prefix, "retention.ms", "retention.bytes") == (
        Code.NONE,
        {"retention.ms": ("60000", TOPICS_OWN), "retention.bytes": ("-1", DEFAULT)},
    )


async def test_a_name_that_is_no_setting_is_left_out(partition: Partition) -> None:
    """The answer has what there is."""
    code, found = await read(partition.wire, partition.topic, "retention.ms", "no.such.thing")
    assert (code, list(found)) == (Code.NONE, ["retention.ms"])


async def test_an_unknown_topic_has_no_settings(wire: Wire, topic_prefix: str) -> None:
    """Neither to read nor to change."""
    assert await read(wire, topic_prefix) == (Code.UNKNOWN_TOPIC_OR_PARTITION, {})
    assert await read(wire, "a b") == (Code.INVALID_TOPIC_EXCEPTION, {})
    assert await alter(wire, topic_prefix, {"retention.ms": "1"}) == Code.UNKNOWN_TOPIC_OR_PARTITION


async def test_a_topic_with_a_wrong_setting_is_not_made(wire: Wire, topic_prefix: str) -> None:
    """An unknown name, no number, a number out of range, a word that means nothing."""
    wrong = {"no.such.thing": "1", "max.message.bytes": "many", "retention.ms": "-5", "cleanup.policy": "burn"}
    for name, value in wrong.items():
        assert await create(wire, topic_prefix, configs={name: value}) == Code.INVALID_CONFIG, name
    assert await create(wire, topic_prefix) == Code.NONE


async def test_a_wrong_change_is_refused(partition: Partition) -> None:
    """All stays as it was."""
    for change in ({"no.such.thing": "1"}, {"max.message.bytes": "many"}, {"retention.ms": "-5"}):
        assert await alter(partition.wire, partition.topic, change) == Code.INVALID_CONFIG, change
    assert (await read(partition.wire, partition.topic, "retention.ms"))[1] == {"retention.ms": ("604800000", DEFAULT)}


async def test_a_change_replaces_all_of_the_topics_own_settings(wire: Wire, topic_prefix: str) -> None:
    """What is not named in it goes back to its default."""
    await make(wire, topic_prefix, retention_ms="60000")
    assert await alter(wire, topic_prefix, {"max.message.bytes": "5000"}) == Code.NONE

    async def is_changed() -> bool:
        return await read(wire, topic_prefix, "retention.ms", "max.message.bytes") == (
            Code.NONE,
            {"retention.ms": ("604800000", DEFAULT), "max.message.bytes": ("5000", TOPICS_OWN)},
        )

    await eventually_found(is_changed)


async def test_a_change_that_is_only_checked_changes_nothing(wire: Wire, topic_prefix: str) -> None:
    """Its answer is that of the real request."""
    await make(wire, topic_prefix, retention_ms="60000")
    assert await alter(wire, topic_prefix, {"retention.ms": "1"}, validate_only=True) == Code.NONE
    assert await alter(wire, topic_prefix, {"retention.ms": "x"}, validate_only=True) == Code.INVALID_CONFIG
    assert (await read(wire, topic_prefix, "retention.ms"))[1] == {"retention.ms": ("60000", TOPICS_OWN)}


async def test_a_changed_limit_counts_for_the_next_batch(partition: Partition) -> None:
    """Without anything being opened again."""
    large = batch(b"x" * 2_000)
    assert (await partition.produce(large)).code == Code.NONE
    assert await alter(partition.wire, partition.topic, {"max.message.bytes": "1000"}) == Code.NONE

    async def is_refused() -> bool:
        return (await partition.produce(large)).code == Code.MESSAGE_TOO_LARGE

    await eventually_found(is_refused)
