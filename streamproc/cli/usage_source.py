"""Where commands take usage lines from: a file of JSON lines, or the usage topic."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter
from pydantic import ValidationError

from streamproc.cli.dead_filter import moment_ms
from streamproc.cli.input_lines import name_of, parse_lines, read_lines
from streamproc.errors import InvalidRequest, SetupError
from streamproc.kafka.usage_lines import UsageLines
from streamproc.records.codec import decode_usage
from streamproc.records.usage import UsageLine
from streamproc.settings.settings import Settings

__all__ = ["KnownUsage", "take_usage"]


@Parameter(name="*")
@dataclass(frozen=True)
class KnownUsage:
    """Usage lines to learn from."""

    usage: Annotated[
        str | None, Parameter(help="JSONL file of usage lines to learn from: what requests really used.")
    ] = None
    from_topic: Annotated[bool, Parameter(help="Learn from the usage topic of the settings.", negative="")] = False
    since: Annotated[
        str | None,
        Parameter(help="Of the topic, only lines since this time: RFC 3339, or how long ago (30s, 15m, 2h, 7d, 1w)."),
    ] = None


def take_usage(known: KnownUsage, settings: Settings, take: Callable[[UsageLine], None]) -> bool:
    """Hands over the lines, one after the other. False when none are asked for.

    Raises:
        SetupError: the two sources are both asked for, or the one asked for cannot be read.
    """
    if known.since is not None and not known.from_topic:
        raise SetupError("--since goes with --from-topic")
    if known.usage is not None and known.from_topic:
        raise SetupError("a file of usage lines and --from-topic do not go together")
    if known.usage is not None:
        _take_file(known.usage, take)
    elif known.from_topic:
        asyncio.run(_take_topic(settings, known.since, take))
    return known.usage is not None or known.from_topic


def _take_file(file: str, take: Callable[[UsageLine], None]) -> None:
    """The lines of a JSONL file, as they stand in the usage topic; a wrong one is told before any is taken."""
    for line in parse_lines(read_lines(file), _line, f"{name_of(file)} has lines that are no usage lines"):
        take(line)


def _line(content: bytes) -> UsageLine:
    try:
        line = decode_usage(content)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidRequest(f"{place}: {first['msg']}" if place else first["msg"]) from exc
    if line.started_at.tzinfo is None:
        raise InvalidRequest("started_at: has no time zone")
    return line


async def _take_topic(settings: Settings, since: str | None, take: Callable[[UsageLine], None]) -> None:
    since_ms = None if since is None else moment_ms("--since", since, time.time())
    async with UsageLines.connect(settings) as reader:
        async for line in reader.lines(settings.topics.usage, since_ms):
            take(line)
