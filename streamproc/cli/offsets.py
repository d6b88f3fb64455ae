"""`streamproc offsets show`: where the group stands on the topics it reads."""

import asyncio
import sys
from typing import Annotated, Any

from cyclopts import Parameter

from streamproc.cli.options import ConfigFile, settings_of
from streamproc.cli.table import lines
from streamproc.errors import SetupError
from streamproc.kafka.committed import GroupState
from streamproc.kafka.positions import Position, PositionReader
from streamproc.records.codec import encode_json
from streamproc.settings.settings import Settings

__all__ = ["chosen_topics", "show"]

_HEAD = ("TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "FINISHED ABOVE", "EPOCH", "METADATA")


def show(
    *,
    topic: Annotated[str | None, Parameter(help="Only this topic.")] = None,
    json: Annotated[bool, Parameter(help="Print one JSON object.", negative="")] = False,
    config: ConfigFile = None,
) -> int:
    """Show committed offsets, lag, and what stands beside the offsets, for each partition the workers read.

    These are those of the request topics and of the topic of deferred runs. `metadata` is `ours`, `none` (a tool set
    the offset), `newer` (written by a newer version), `damaged`, `foreign` (another program uses the group) or
    `missing` (no offset at all). The group is not joined. On a terminal the columns are aligned; elsewhere tabs part
    them. Exit code 0, whatever is found.
    """
    settings = settings_of(config)
    topics = _read_topics(settings) if topic is None else chosen_topics(settings, topic)
    group, positions = asyncio.run(_look(settings, topics))
    if json:
        found = {
            "group": settings.kafka.group,
            "members": group.members,
            "partitions": [as_json(position) for position in positions],
        }
        sys.stdout.buffer.write(encode_json(found) + b"\n")
        return 0
    print(f"group {settings.kafka.group}: {group.members} members", file=sys.stderr)  # noqa: T201 the command line speaks
    for line in lines(_HEAD, (_row(position) for position in positions), aligned=sys.stdout.isatty()):
        print(line)  # noqa: T201 the same
    return 0


def chosen_topics(settings: Settings, topic: str | None) -> list[str]:
    """The topic that is meant, or else all request topics. Deferred runs are meant only by the name of their topic.

    Raises:
        SetupError: the workers do not read this topic.
    """
    if topic is None:
        return [source.topic for source in settings.sources]
    topics = _read_topics(settings)
    if topic not in topics:
        raise SetupError(f"topic {topic} is no request topic of the settings: they name {', '.join(topics)}")
    return [topic]


def _read_topics(settings: Settings) -> list[str]:
    return [*(source.topic for source in settings.sources), settings.topics.deferred]


async def _look(settings: Settings, topics: list[str]) -> tuple[GroupState, list[Position]]:
    async with PositionReader.connect(settings) as reader:
        return await reader.group(), await reader.positions(topics)


def as_json(position: Position) -> dict[str, Any]:
    """A partition's line; what is not known is null."""
    return {
        "topic": position.place.topic,
        "partition": position.place.partition,
        "begin": position.begin,
        "end": position.end,
        "committed": position.committed,
        "lag": position.lag,
        "finished_above": _finished(position),
        "epoch": position.stored.epoch,
        "metadata": _metadata(position),
    }


def _finished(position: Position) -> int | None:
    return None if position.stored.metadata is None else len(position.finished)


def _metadata(position: Position) -> str:
    return "missing" if position.committed is None else position.stored.state.value


def _row(position: Position) -> tuple[str, ...]:
    shown = (
        position.place.partition,
        position.committed,
        position.end,
        position.lag,
        _finished(position),
        position.stored.epoch,
    )
    return position.place.topic, *("-" if value is None else str(value) for value in shown), _metadata(position)
