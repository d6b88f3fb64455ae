"""`streamproc dead replay`: originals of dead letters to their request topics once more, as new runs."""

import asyncio
import codecs
import sys
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from streamproc.cli.dead import parse_runs, pinned_tenants
from streamproc.cli.dead_filter import Filter, Period
from streamproc.cli.options import ConfigFile, settings_of
from streamproc.errors import InvalidRequest, SetupError
from streamproc.kafka.letter import Letter
from streamproc.kafka.letter_reader import LetterReader, OriginalGone
from streamproc.kafka.replay import Replay, ReplaySender, send_all
from streamproc.records.codec import RequestDecoder
from streamproc.records.headers import replay_of
from streamproc.records.identity import RunId
from streamproc.settings.settings import Settings

__all__ = ["replay"]

_NO_FILTER = Filter()


def replay(
    *runs: Annotated[
        str,
        Parameter(
            help="Run ids as `dead list` prints them, or - to read them from standard input.", allow_leading_hyphen=True
        ),
    ],
    filters: Filter = _NO_FILTER,
    edit: Annotated[
        str | None,
        Parameter(
            help="For one run id: publish this file (- for standard input) in place of the original bytes.",
            allow_leading_hyphen=True,
        ),
    ] = None,
    yes: Annotated[bool, Parameter(name=["--yes", "-y"], help="With filters: do not ask.", negative="")] = False,
    dry_run: Annotated[
        bool,
        Parameter(help="Print the run ids of the letters that would be replayed, and publish nothing.", negative=""),
    ] = False,
    config: ConfigFile = None,
) -> int:
    """Publish the originals of dead letters to the request topics they came from, and print the new run ids.

    Name letters by run ids or by filters. Bytes, key, headers and partition are the original's; the header
    `replay_of` and the new run's result name the run that was refused. Nothing is deleted. Exit code 0 when all were
    replayed, 1 when an original is gone or the answer was no, 2 when something is wrong, 130 after Ctrl-C: then
    what was printed is published, and nothing else.
    """
    settings = settings_of(config)
    names = [name for run in runs for name in (sys.stdin.read().split() if run == "-" else [run])]
    _check_choice(runs, names, filters, edit)
    value = None if edit is None else _corrected(settings, edit)
    found = asyncio.run(_collect(settings, parse_runs(names), filters, value))
    for words in found.notes:
        _say(words)
    if dry_run:
        for one in found.replays:
            print(one.letter)  # noqa: T201 the command line speaks
        _say(f"would replay {_letters(len(found.replays))}")
        return found.code
    if found.replays and not names and not yes and not _agrees(found.replays):
        _say("nothing was replayed")
        return 1
    if found.replays:
        asyncio.run(_publish(settings, found.replays))
    return found.code


def _check_choice(runs: tuple[str, ...], names: list[str], filters: Filter, edit: str | None) -> None:
    if runs and not filters.is_empty:
        raise SetupError("run ids and filters exclude each other: name the letters in one way")
    if runs and not names:
        raise SetupError("standard input holds no run id: give them as `streamproc dead list` prints them")
    if not runs and filters.is_empty:
        raise SetupError("no dead letter is named: give run ids, or filters such as --since 2h or --code not_json")
    if edit is not None and len(names) != 1:
        raise SetupError("--edit corrects one letter: give its run id, and no other")
    if edit == "-" and "-" in runs:
        raise SetupError("standard input cannot hold both the run id and the corrected request")


def _corrected(settings: Settings, file: str) -> bytes:
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as exc:
        raise SetupError(f"cannot read {file}: {exc.strerror or exc}") from exc
    value = content.removeprefix(codecs.BOM_UTF8).strip()
    limits = settings.limits
    decoder = RequestDecoder(
        max_bytes=limits.max_request_bytes,
        max_messages=limits.max_messages,
        max_output_tokens=limits.max_output_tokens,
    )
    try:
        decoder.decode(value)
    except InvalidRequest as error:
        name = "standard input" if file == "-" else file
        raise SetupError(f"nothing was replayed, {name} is no valid request: {error}") from error
    return value


@dataclass(slots=True)
class _Found:
    """What will be published; what is to be said before; the exit code when it succeeds."""

    replays: list[Replay] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    code: int = 0


async def _collect(settings: Settings, runs: list[RunId], filters: Filter, value: bytes | None) -> _Found:
    now = time.time()
    period = filters.period(now)
    wanted = {str(run) for run in runs}
    passed: list[Letter] = []
    refused: set[str | None] = set()
    async with LetterReader.connect(settings) as reader:
        async for letter in _read(reader, settings, runs, period, now):
            # Replays that were answered are not among the letters: this says less than there may be.
            refused.add(None if letter.original is None else replay_of(letter.original.headers))
            if letter.told.run_id in wanted if wanted else filters.passes(letter, period):
                passed.append(letter)
        chosen = filters.choose(passed, period)
        await _check_places(reader, chosen)
        found = _Found(notes=[] if chosen else ["no dead letters"])
        for letter in chosen:
            try:
                found.replays.append(Replay.of(letter, await reader.original(letter), value))
            except OriginalGone as gone:
                found.notes.append(f"left out: {gone}")
                found.code = 1
    again = [one.letter for one in found.replays if one.letter in refused]
    found.notes += [f"{run_id} was replayed before, and that was refused again" for run_id in again]
    return found


async def _read(
    reader: LetterReader, settings: Settings, runs: list[RunId], period: Period, now: float
) -> AsyncIterator[Letter]:
    topic, tenants = settings.topics.dead, pinned_tenants(settings)
    if runs:
        for letter in await reader.find(topic, runs, tenants, now):
            yield letter
    else:
        async for letter in reader.letters(await reader.existing(topic), tenants, period.since_ms):
            yield letter


async def _check_places(reader: LetterReader, letters: Iterable[Letter]) -> None:
    partitions: dict[str, set[int]] = {}
    for told in (letter.told for letter in letters):
        if told.topic not in partitions:
            partitions[told.topic] = {place.partition for place in await reader.existing(told.topic)}
        if told.partition not in partitions[told.topic]:
            raise SetupError(f"topic {told.topic} has no partition {told.partition}, where {told.run_id} came from")


def _agrees(replays: list[Replay]) -> bool:
    many = _letters(len(replays))
    if not sys.stdin.isatty():
        raise SetupError(
            f"{many} would be replayed, and nobody is there to be asked: add --yes, or --dry-run to see which"
        )
    topics = ", ".join(sorted({one.place.topic for one in replays}))
    sys.stderr.write(f"replay {many} to {topics}? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


async def _publish(settings: Settings, replays: list[Replay]) -> None:
    now_ms = int(time.time() * 1000)
    async with ReplaySender.connect(settings) as sender:
        sent = await send_all(lambda one: sender.replay(one, now_ms), replays)
        # Told before the connection is closed: a Ctrl-C while that lasts must not hide what was published.
        for run_id in sent.run_ids:
            print(run_id)  # noqa: T201 the command line speaks
        sys.stdout.flush()
        _say(f"replayed {_letters(len(sent.run_ids))}" + ("" if sent.problem is None else f" of {len(replays)}"))
    if sent.problem is not None:
        raise sent.problem


def _letters(count: int) -> str:
    return f"{count} dead letter" if count == 1 else f"{count} dead letters"


def _say(words: str) -> None:
    print(words, file=sys.stderr)  # noqa: T201 the command line speaks
