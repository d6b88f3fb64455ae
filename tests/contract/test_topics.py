"""Topics: created, checked, and told what is wrong with them."""

from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streamproc.errors import SetupError
from streamproc.kafka.topic_configs import topic_configs
from streamproc.kafka.topics import check_topics, create_topics
from streamproc.settings.budgets import BudgetSettings
from streamproc.settings.settings import Settings
from tests.contract.harness.settings import make_settings
from tests.contract.harness.waiting import eventually_found
from tests.servers.embedded import EmbeddedBroker
from tests.servers.network import free_ports

DAY_MS = 24 * 60 * 60 * 1000


@pytest.fixture
def settings(bootstrap: str, topic_prefix: str) -> Settings:
    """Settings whose topics do not exist yet."""
    return make_settings(bootstrap, topic_prefix, "http://127.0.0.1:1/v1", ("mock",))


def names(settings: Settings) -> list[str]:
    """Names of all topics."""
    return [
        *(source.topic for source in settings.sources),
        *settings.topics.outputs(),
        settings.topics.control,
        settings.topics.alerts,
    ]


async def create(settings: Settings, topic: str, partitions: int) -> None:
    """Makes a topic as an operator would."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap_servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, partitions, 1)])

        async def is_there() -> bool:
            return topic in await admin.list_topics()

        await eventually_found(is_there)
    finally:
        await admin.close()


async def retention(settings: Settings) -> dict[str, int]:
    """How long each topic keeps its records, in milliseconds."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap_servers)
    await admin.start()
    try:
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names(settings)]
        (answer,) = await admin.describe_configs(resources)
    finally:
        await admin.close()
    found: dict[str, dict[str, Any]] = {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]} for resource in answer.resources
    }
    return {name.rpartition(".")[2]: int(values["retention.ms"]) for name, values in found.items()}


async def test_topics_are_created_once(settings: Settings) -> None:
    """The first time all of them, with their retention; the second time none, and nothing is changed."""
    assert await create_topics(settings) == names(settings)
    assert await create_topics(settings) == []
    assert await check_topics(settings) == dict.fromkeys(names(settings), 4) | {
        settings.topics.control: 1,
        settings.topics.alerts: 1,
    }
    assert {name: kept // DAY_MS for name, kept in (await retention(settings)).items()} == {
        "requests": 7,
        "chunks": 1,
        "results": 30,
        "usage": 400,
        "dead": 30,
        "journal": 7,
        "deferred": 7,
        "control": 7,
        "alerts": 32,
    }


async def test_missing_topics_are_named_together(settings: Settings) -> None:
    """One sentence with all of them, and what to do."""
    await create(settings, settings.topics.usage, 4)
    with pytest.raises(SetupError, match="create them with `streamproc topics create`") as told:
        await check_topics(settings)
    missing = [name for name in names(settings) if name != settings.topics.usage]
    assert all(name in str(told.value) for name in missing)
    assert settings.topics.usage not in str(told.value)
    assert await create_topics(settings) == missing


async def test_outputs_that_are_too_narrow_are_named_with_both_numbers(settings: Settings) -> None:
    """A run's records go to its request's partition number, so every output needs as many of them."""
    await create(settings, settings.topics.chunks, 2)
    await create_topics(settings)
    with pytest.raises(SetupError, match=r"chunks has 2 partitions, but .*requests has 4"):
        await check_topics(settings)


async def test_wider_outputs_are_fine(settings: Settings) -> None:
    """Only fewer partitions are a fault."""
    await create(settings, settings.topics.chunks, 9)
    await create_topics(settings)
    assert (await check_topics(settings))[settings.topics.chunks] == 9


async def test_a_broker_that_is_not_there_is_one_sentence(settings: Settings) -> None:
    """It names the address and the setting."""
    (port,) = free_ports(1)
    nowhere = settings.kafka.model_copy(update={"bootstrap_servers": f"127.0.0.1:{port}"})
    with pytest.raises(SetupError, match=rf"cannot reach Kafka at 127.0.0.1:{port} .*kafka.bootstrap_servers"):
        await check_topics(settings.model_copy(update={"kafka": nowhere}))


async def change(settings: Settings, topic: str, name: str, value: str) -> None:
    """Changes a setting of a topic, and waits until Kafka tells it so."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap_servers)
    await admin.start()
    try:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, {name: value})
        await admin.alter_configs([resource])

        async def is_told() -> bool:
            return await topic_configs(settings, [topic], [name]) == {topic: {name: value}}

        await eventually_found(is_told)
    finally:
        await admin.close()


async def test_an_output_that_takes_less_than_we_write_is_named_with_both_numbers(settings: Settings) -> None:
    """A refused result would break the transactions of its partition for ever."""
    await create_topics(settings)
    await change(settings, settings.topics.results, "max.message.bytes", "999999")
    with pytest.raises(SetupError) as told:
        await check_topics(settings)
    assert str(told.value) == (
        f"topic {settings.topics.results} takes at most 999999 bytes at once (max.message.bytes), but"
        " limits.max_record_bytes is 1000000: raise it, or lower limits.max_record_bytes"
    )
    await change(settings, settings.topics.results, "max.message.bytes", "1000000")
    await check_topics(settings)
    # Small records travel together: with lower limits a batch of them is the largest thing that is sent.
    lower = settings.model_copy(update={"limits": settings.limits.model_copy(update={"max_record_bytes": 200_000})})
    await change(settings, settings.topics.results, "max.message.bytes", "300000")
    with pytest.raises(SetupError, match=r"300000 bytes .* in batches of up to 524288: raise it$"):
        await check_topics(lower)


@pytest.mark.parametrize("name", ["requests", "results", "control"])
async def test_a_topic_whose_replicas_may_lag_and_lead_is_refused(settings: Settings, name: str) -> None:
    """Stored results, bills and offsets could vanish there. It was promised that this is checked, and nothing did."""
    await create_topics(settings)
    (topic,) = [topic for topic in names(settings) if topic.endswith(f".{name}")]
    await change(settings, topic, "unclean.leader.election.enable", "true")
    with pytest.raises(SetupError, match=rf"topic {topic} may lose .*unclean.leader.election.enable is true"):
        await check_topics(settings)
    await change(settings, topic, "unclean.leader.election.enable", "false")
    await check_topics(settings)


@pytest.mark.parametrize("name", ["requests", "journal"])
async def test_a_compacted_topic_is_refused(settings: Settings, name: str) -> None:
    """Parts of one answer have one key: the journal kept the last of them, and the answer was bought again."""
    await create_topics(settings)
    (topic,) = [topic for topic in names(settings) if topic.endswith(f".{name}")]
    await change(settings, topic, "cleanup.policy", "compact")
    with pytest.raises(SetupError, match=rf"topic {topic} loses records .*cleanup.policy is compact"):
        await check_topics(settings)
    await change(settings, topic, "cleanup.policy", "delete")
    await check_topics(settings)


async def test_a_journal_that_forgets_too_soon_is_refused(settings: Settings) -> None:
    """A lost call would be on no bill."""
    await create_topics(settings)
    topic = settings.topics.journal
    await change(settings, topic, "retention.ms", "3600000")
    with pytest.raises(SetupError, match=rf"topic {topic} keeps records for 3600 s .*a run may last 86400 s"):
        await check_topics(settings)


async def test_a_usage_topic_that_drops_lines_by_their_size_is_refused_with_budgets(settings: Settings) -> None:
    """They would be spent once more."""
    with_budgets = settings.model_copy(update={"budgets": BudgetSettings(enabled=True)})
    usage = settings.topics.usage
    await create_topics(with_budgets)
    await check_topics(with_budgets)
    await change(settings, usage, "retention.bytes", "1000000")
    with pytest.raises(SetupError, match=rf"topic {usage} keeps 1000000 bytes .*set it to -1"):
        await check_topics(with_budgets)
    await check_topics(settings)


async def test_topics_create_lifts_a_bound_of_the_broker_from_the_usage_topic(topic_prefix: str) -> None:
    """What it has made would be refused."""
    with EmbeddedBroker(retention_bytes=1_000_000) as broker:
        settings = make_settings(broker.bootstrap, topic_prefix, "http://127.0.0.1:1/v1", ("mock",))
        with_budgets = settings.model_copy(update={"budgets": BudgetSettings(enabled=True)})
        await create_topics(with_budgets)
        await check_topics(with_budgets)
