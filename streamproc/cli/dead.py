"""`streamproc dead list` and `show`: records that were refused, with the reason."""

import asyncio
import shutil
import sys
import time
from dataclasses import replace
from typing import Annotated

from cyclopts import Parameter

from streamproc.cli.dead_filter import Filter, Period
from streamproc.cli.dead_view import as_json, body, head, lines
from streamproc.cli.options import ConfigFile, settings_of
from streamproc.errors import InvalidRequest, SetupError
from streamproc.kafka.letter import Letter, Original
from streamproc.kafka.letter_reader import LetterReader, OriginalGone
from streamproc.records.codec import encode_json
from streamproc.records.identity import RunId
from streamproc.settings.settings import Settings

__all__ = ["list_letters", "parse_runs", "pinned_tenants", "show"]

_NO_FILTER = Filter()


def list_letters(
    *,
    filters: Filter = _NO_FILTER,
    json: Annotated[
        bool, Parameter(help="Print JSON lines with key, headers and the whole reason.", negative="")
    ] = False,
    config: ConfigFile = None,
) -> int:
    """List dead letters, the newest last: run id, time, tenant, code, size in bytes, reason.

    On a terminal the columns are aligned and reasons are cut to its width; elsewhere tabs part them. The list ends
    where the topic ended when it was asked. Exit code 0, also when there are none.
    """
    settings = settings_of(config)
    period = filters.period(time.time())
    letters = filters.choose(asyncio.run(_heads(settings, filters, period)), period)
    if not letters:
        print("no dead letters", file=sys.stderr)  # noqa: T201 the command line speaks
    elif json:
        for letter in letters:
            sys.stdout.buffer.write(encode_json(as_json(letter)) + b"\n")
    else:
        for line in lines(letters, shutil.get_terminal_size().columns if sys.stdout.isatty() else None):
            print(line)  # noqa: T201 the command line speaks
    return 0


async def _heads(settings: Settings, filters: Filter, period: Period) -> list[Letter]:
    async with LetterReader.connect(settings) as reader:
        places = await reader.existing(settings.topics.dead)
        found = reader.letters(places, pinned_tenants(settings), period.since_ms)
        return [_without_value(letter) async for letter in found if filters.passes(letter, period)]


def _without_value(letter: Letter) -> Letter:
    # A list of many letters would else hold all their bytes at once.
    return letter if letter.original is None else replace(letter, original=replace(letter.original, value=None))


def show(
    run: Annotated[str, Parameter(help="Run id of the refused record, as `dead list` prints it.")],
    *,
    raw: Annotated[
        bool, Parameter(help="Write the original bytes to standard output, and nothing else.", negative="")
    ] = False,
    config: ConfigFile = None,
) -> int:
    """Show why a record was refused, its key and headers, and its bytes: text, or hexadecimal when it is no UTF-8.

    Letters above the record limit are kept by reference: their bytes come from the request topic, as long as it keeps
    them. Exit code 1 when they are gone.
    """
    settings = settings_of(config)
    (run_id,) = parse_runs([run])
    letter, original, gone = asyncio.run(_find(settings, run_id))
    if raw:
        if original is None:
            print(f"streamproc: {gone}", file=sys.stderr)  # noqa: T201 the command line speaks
            return 1
        sys.stdout.buffer.write(original.value or b"")
        return 0
    for line in head(letter, original):
        print(line)  # noqa: T201 the command line speaks
    if original is None:
        sys.stdout.flush()
        print(f"streamproc: {gone}", file=sys.stderr)  # noqa: T201 the command line speaks
        return 1
    print()  # noqa: T201 the command line speaks
    for line in body(original.value):
        print(line)  # noqa: T201 the command line speaks
    return 0


async def _find(settings: Settings, run: RunId) -> tuple[Letter, Original | None, OriginalGone | None]:
    async with LetterReader.connect(settings) as reader:
        letters = await reader.find(settings.topics.dead, [run], pinned_tenants(settings), time.time())
        letter = next(letter for letter in letters if letter.told.run_id == str(run))
        try:
            return letter, await reader.original(letter), None
        except OriginalGone as gone:
            return letter, None, gone


def parse_runs(names: list[str]) -> list[RunId]:
    """Run ids, each once.

    Raises:
        SetupError: one of them is none.
    """
    try:
        return [RunId.parse(name) for name in dict.fromkeys(names)]
    except InvalidRequest as error:
        raise SetupError(str(error)) from error


def pinned_tenants(settings: Settings) -> dict[str, str]:
    """Tenants by request topic, where a source pins one."""
    return {source.topic: source.tenant for source in settings.sources if source.tenant is not None}
