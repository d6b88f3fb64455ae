"""Topics: what must exist, how it is created, and whether what exists fits.

A run's records go to the partition with its request's number, so every output topic needs at least as many partitions
as the largest request topic.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from aiokafka.admin import NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from streamproc.errors import SetupError
from streamproc.kafka.admin import admin_client
from streamproc.kafka.kept import (
    CLEANUP,
    RETENTION,
    RETENTION_BYTES,
    find_brief_topics,
    find_compacted_topics,
    find_forgetful_usage,
    longest_run_ms,
)
from streamproc.kafka.metadata_limits import OFFSET_METADATA, find_small_metadata
from streamproc.kafka.record_limits import MAX_MESSAGE_BYTES, find_small_topics
from streamproc.kafka.topic_configs import broker_configs, topic_configs
from streamproc.kafka.unclean import UNCLEAN, find_unclean_topics
from streamproc.settings.settings import Settings

__all__ = ["TopicPlan", "check_topics", "create_topics", "existing_partitions", "find_problems", "plan_topics"]

_LOOKED_AT = (MAX_MESSAGE_BYTES, UNCLEAN, CLEANUP, RETENTION, RETENTION_BYTES)
_DAY_MS = 24 * 60 * 60 * 1000
_SHOWN_SECONDS = 20.0
_LOOK_AGAIN_SECONDS = 0.05


class TopicPlan(NamedTuple):
    """A topic as it should be; `retention_ms` None keeps the broker's default.

    One that `is_unbounded` drops nothing for its size, whatever the broker's default is. Only sources and outputs have
    to match in their partitions.
    """

    name: str
    partitions: int
    retention_ms: int | None
    is_output: bool
    is_source: bool = False
    is_compacted: bool = False
    is_unbounded: bool = False


def plan_topics(settings: Settings) -> tuple[TopicPlan, ...]:
    """Every topic the settings name, with the retention that is documented, or a longer one where runs may need it.

    A cancel may be for any request that is still there, so control topics keep records as long as request topics do.
    Every worker reads all of them, so more than one partition would only lose the order.
    """
    topics = settings.topics
    count = topics.partitions
    longest_ms = longest_run_ms(settings.worker)
    return (
        *(TopicPlan(source.topic, count, 7 * _DAY_MS, is_output=False, is_source=True) for source in settings.sources),
        TopicPlan(topics.chunks, count, _DAY_MS, is_output=True),
        TopicPlan(topics.results, count, 30 * _DAY_MS, is_output=True),
        TopicPlan(topics.usage, count, max(400 * _DAY_MS, longest_ms), is_output=True, is_unbounded=True),
        TopicPlan(topics.dead, count, 30 * _DAY_MS, is_output=True),
        TopicPlan(topics.journal, count, max(7 * _DAY_MS, longest_ms), is_output=True),
        # Workers read it like a request topic: what comes of its records needs partitions, too.
        TopicPlan(topics.deferred, count, max(7 * _DAY_MS, longest_ms), is_output=True, is_source=True),
        *(TopicPlan(name, 1, 7 * _DAY_MS, is_output=False) for name in settings.control_topics()),
        # Alerts of budgets are looked up for as long as a month lasts.
        TopicPlan(topics.alerts, 1, 32 * _DAY_MS, is_output=False),
        # One partition: the order of an operator's words counts.
        *((TopicPlan(topics.admin, 1, None, is_output=False, is_compacted=True),) if settings.budgets.is_on else ()),
    )


def find_problems(plan: Sequence[TopicPlan], existing: Mapping[str, int]) -> list[str]:
    """One sentence for all missing topics, one for each that is too narrow; `existing` maps names to partitions."""
    missing = [topic.name for topic in plan if topic.name not in existing]
    problems = []
    if missing:
        problems.append(f"missing topics: {', '.join(missing)}; create them with `streamproc topics create`")
    sources = {topic.name: existing[topic.name] for topic in plan if topic.is_source and topic.name in existing}
    if sources:
        widest = max(sources, key=lambda name: sources[name])
        problems += [
            f"topic {topic.name} has {existing[topic.name]} partitions, but {widest} has {sources[widest]}:"
            f" raise {topic.name} to at least {sources[widest]} partitions"
            for topic in plan
            if topic.is_output and existing.get(topic.name, sources[widest]) < sources[widest]
        ]
    return problems


async def existing_partitions(settings: Settings) -> dict[str, int]:
    """Partition counts of the topics in Kafka, by name.

    Raises:
        SetupError: Kafka cannot be reached, or refuses us.
    """
    async with admin_client(settings.kafka, "reading topics") as admin:
        names = await admin.list_topics()
        wanted = [topic.name for topic in plan_topics(settings) if topic.name in names]
        described = await admin.describe_topics(wanted) if wanted else []
    return {topic["topic"]: len(topic["partitions"]) for topic in described}


async def check_topics(settings: Settings) -> dict[str, int]:
    """Partition counts by name, once everything fits.

    Raises:
        SetupError: every problem, in one message.
    """
    existing = await existing_partitions(settings)
    problems = find_problems(plan_topics(settings), existing)
    compacted = {topic.name for topic in plan_topics(settings) if topic.is_compacted}
    configs = await topic_configs(settings, existing, _LOOKED_AT)
    outputs = {name: configs[name] for name in settings.topics.outputs() if name in configs}
    problems += find_small_topics(outputs, settings.limits.max_record_bytes)
    problems += find_unclean_topics(configs)
    problems += find_compacted_topics({name: config for name, config in configs.items() if name not in compacted})
    topics = settings.topics
    problems += find_brief_topics(
        configs, (topics.journal, topics.usage, topics.deferred), longest_run_ms(settings.worker)
    )
    if settings.budgets.is_on:
        problems += find_forgetful_usage(configs, topics.usage)
    problems += find_small_metadata(await broker_configs(settings, [OFFSET_METADATA]), settings.worker.max_window)
    if problems:
        raise SetupError("; ".join(problems))
    return existing


async def create_topics(settings: Settings) -> list[str]:
    """Creates what is missing and gives the names, once Kafka shows them; what exists is left alone.

    Raises:
        SetupError: Kafka refuses, or does not show them in time.
    """
    existing = await existing_partitions(settings)
    missing = [topic for topic in plan_topics(settings) if topic.name not in existing]
    if not missing:
        return []
    new = [
        NewTopic(
            topic.name,
            topic.partitions,
            settings.topics.replication_factor,
            topic_configs=_configs(topic),
        )
        for topic in missing
    ]
    async with admin_client(settings.kafka, "creating topics") as admin:
        answer = await admin.create_topics(new)
    for name, code, message in ((entry[0], entry[1], entry[2]) for entry in answer.topic_errors):
        if code and for_code(code) is not TopicAlreadyExistsError:
            raise SetupError(f"Kafka did not create topic {name}: {message or for_code(code).__name__}")
    names = [topic.name for topic in missing]
    await _until_shown(settings, names)
    return names


def _configs(topic: TopicPlan) -> dict[str, str]:
    configs = {} if topic.retention_ms is None else {RETENTION: str(topic.retention_ms)}
    configs |= {RETENTION_BYTES: "-1"} if topic.is_unbounded else {}
    return configs | ({CLEANUP: "compact"} if topic.is_compacted else {})


async def _until_shown(settings: Settings, names: Sequence[str]) -> None:
    # The controller answers before the brokers know: who looked at once would find the topics missing.
    try:
        async with asyncio.timeout(_SHOWN_SECONDS):
            while set(names) - (await existing_partitions(settings)).keys():  # noqa: ASYNC110 Kafka tells nobody
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    except TimeoutError as exc:
        raise SetupError(
            f"Kafka created {', '.join(names)}, but does not show them after {_SHOWN_SECONDS:g} s:"
            " see `streamproc topics check`"
        ) from exc
