"""`streamproc follow`: the streams of runs, also of finished ones, as long as the topics keep them."""

import asyncio
import sys
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from streamproc.cli.options import ConfigFile, RunNames, StalledSeconds, run_ids_of, settings_of
from streamproc.cli.show import Shown, Tally, show_all
from streamproc.client import Client, Finished, Stalled
from streamproc.errors import SetupError
from streamproc.records.codec import encode
from streamproc.records.identity import RunId
from streamproc.settings.settings import Settings

__all__ = ["follow"]


def follow(
    *runs: RunNames,
    config: ConfigFile = None,
    json: Annotated[bool, Parameter(help="Print results as JSON lines instead of tokens.")] = False,
    stalled_seconds: StalledSeconds = 60.0,
) -> int:
    """Show the streams of runs until each has its result.

    Exit code 0 when all are `completed`, 1 when one is not or nothing came for --stalled-seconds, 2 for a wrong id.
    """
    settings = settings_of(config)
    wanted = run_ids_of(runs)
    if not wanted:
        raise SetupError("no run to follow: give run ids as `streamproc submit` prints them")
    return asyncio.run(_follow(settings, wanted, as_json=json, stalled_seconds=stalled_seconds))


async def _follow(settings: Settings, wanted: list[RunId], *, as_json: bool, stalled_seconds: float) -> int:
    console = Console(stderr=True)
    tally = Tally(len(wanted))

    def keep(finished: Finished) -> None:
        if as_json:
            sys.stdout.buffer.write(encode(finished.result) + b"\n")
            sys.stdout.buffer.flush()

    async with Client.connect(settings) as client:
        updates = client.follow(wanted, chunks=not as_json, stalled_seconds=stalled_seconds, from_the_past=True)
        try:
            await show_all(updates, tally, Shown.NOTHING if as_json else Shown.TOKENS, keep, console)
        except Stalled as stalled:
            console.print(str(stalled), highlight=False, soft_wrap=True)
    console.print(str(tally), highlight=False, soft_wrap=True)
    return 0 if tally.completed == len(wanted) else 1
