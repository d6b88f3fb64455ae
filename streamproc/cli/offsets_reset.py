"""`streamproc offsets reset`: the way out of damaged metadata, offsets of other programs and offsets that are gone."""

import asyncio
import sys
import time
from typing import Annotated

from cyclopts import Parameter

from streamproc.cli.dead_filter import moment_ms
from streamproc.cli.offsets import chosen_topics
from streamproc.cli.options import ConfigFile, settings_of
from streamproc.cli.table import lines
from streamproc.errors import SetupError
from streamproc.kafka.connection import client_options
from streamproc.kafka.positions import Position, PositionReader
from streamproc.kafka.reset import Change, Target, apply, check_rest, plan_change
from streamproc.kafka.transactor import transactors
from streamproc.settings.settings import Settings
from streamproc.system_clock import SystemClock

__all__ = ["parse_target", "reset"]

_HEAD = ("TOPIC", "PARTITION", "FROM", "TO", "RUN AGAIN", "SKIPPED")


def reset(
    *,
    to: Annotated[
        str,
        Parameter(
            help="earliest; latest; current, which keeps the offset and drops what stands beside it; an offset, with"
            " --partition; or a time: RFC 3339, or how long ago (2h, 7d)."
        ),
    ],
    topic: Annotated[str | None, Parameter(help="Only this topic; default: all request topics.")] = None,
    partition: Annotated[
        tuple[int, ...], Parameter(help="Only these partitions of the topic.", negative="", consume_multiple=False)
    ] = (),
    yes: Annotated[bool, Parameter(name=["--yes", "-y"], help="Do not ask.", negative="")] = False,
    dry_run: Annotated[bool, Parameter(help="Only print what would change.", negative="")] = False,
    config: ConfigFile = None,
) -> int:
    """Set committed offsets of the group, and drop the metadata beside them.

    Prints old and new offset of each partition, how many finished records would run again, and be paid for again, and
    how many unfinished ones would be skipped: without a result, for ever. Stop all workers first. Exit code 0 when the
    offsets are set, 1 when the answer was no, 2 when something is wrong; then nothing has changed.
    """
    settings = settings_of(config)
    target = parse_target(to, time.time())
    topics = chosen_topics(settings, topic)
    if partition and len(topics) > 1:
        raise SetupError(f"--partition needs --topic: the settings name {', '.join(topics)}")
    if target.kind == "offset" and not partition:
        raise SetupError("an offset means something in one partition only: add --partition")
    changes = asyncio.run(_plan(settings, topics, partition, target))
    for line in lines(_HEAD, (_row(change) for change in changes), aligned=sys.stdout.isatty()):
        print(line)  # noqa: T201 the command line speaks
    sys.stdout.flush()
    _say(_summary(changes))
    if dry_run:
        return 0
    if not yes and not _agrees(settings):
        _say("nothing was changed")
        return 1
    asyncio.run(_apply(settings, changes))
    _say(f"set {len(changes)} offsets of group {settings.kafka.group}")
    return 0


def parse_target(text: str, now: float) -> Target:
    """What `--to` says; `now` is in unix seconds.

    Raises:
        SetupError: it says nothing that is known.
    """
    words = {"earliest": Target("earliest"), "latest": Target("latest"), "current": Target("current")}
    if text in words:
        return words[text]
    if text.isascii() and text.isdigit():
        return Target("offset", int(text))
    try:
        return Target("time", moment_ms("--to", text, now))
    except SetupError as error:
        raise SetupError(
            f"--to: {text[:80]!r} is not earliest, latest, current, an offset, an RFC 3339 time like"
            " 2026-01-31T12:00:00Z or a duration like 2h"
        ) from error


async def _plan(settings: Settings, topics: list[str], partitions: tuple[int, ...], target: Target) -> list[Change]:
    async with PositionReader.connect(settings) as reader:
        await _check_empty(reader, settings)
        positions = await reader.positions(topics)
        chosen = _choose(positions, topics, partitions)
        at_time: dict[object, int] = {}
        if target.kind == "time":
            at_time |= await reader.offsets_at([position.place for position in chosen], target.value)
    changes = [plan_change(position, target, at_time.get(position.place)) for position in chosen]
    check_rest(changes, positions)
    return changes


def _choose(positions: list[Position], topics: list[str], partitions: tuple[int, ...]) -> list[Position]:
    if unknown := sorted(set(partitions) - {position.place.partition for position in positions}):
        raise SetupError(f"topic {topics[0]} has no partition {unknown[0]}")
    return [position for position in positions if not partitions or position.place.partition in partitions]


async def _check_empty(reader: PositionReader, settings: Settings) -> None:
    members = (await reader.group()).members
    if members:
        raise SetupError(
            f"group {settings.kafka.group} has {members} members: stop all workers; one that was killed or has a"
            f" kafka.instance_id counts until its session ends, {settings.kafka.session_timeout_seconds:g} s later"
        )


def _row(change: Change) -> tuple[str, ...]:
    position = change.position
    before = "-" if position.committed is None else str(position.committed)
    return (
        position.place.topic,
        str(position.place.partition),
        before,
        str(change.offset),
        str(change.again),
        str(change.skipped),
    )


def _summary(changes: list[Change]) -> str:
    again, skipped = sum(change.again for change in changes), sum(change.skipped for change in changes)
    unknown = sum(not change.is_exact for change in changes)
    doubt = (
        f"; of {unknown} partitions nobody knows what was finished there: it may be other numbers" if unknown else ""
    )
    return f"{again} records run again, {skipped} are skipped{doubt}"


def _agrees(settings: Settings) -> bool:
    if not sys.stdin.isatty():
        raise SetupError("offsets would be set, and nobody is there to be asked: add --yes, or --dry-run to see which")
    sys.stderr.write(f"set the offsets of group {settings.kafka.group}? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


async def _apply(settings: Settings, changes: list[Change]) -> None:
    kafka = settings.kafka
    seconds = kafka.transaction_timeout_seconds or 0.6 * kafka.session_timeout_seconds
    fences = transactors(client_options(kafka), {}, kafka.group, seconds, SystemClock())
    async with PositionReader.connect(settings) as reader:
        await _check_empty(reader, settings)
        await apply(reader, changes, fences, time.time())


def _say(words: str) -> None:
    print(words, file=sys.stderr)  # noqa: T201 the command line speaks
