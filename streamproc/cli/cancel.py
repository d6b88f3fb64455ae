"""`streamproc cancel`: ends runs that nobody needs any more, whether they wait, run or are not yet read."""

import asyncio
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from streamproc.cli.options import ConfigFile, RunNames, StalledSeconds, run_ids_of, settings_of
from streamproc.client import Client, Finished, Stalled
from streamproc.errors import InvalidRequest, SetupError
from streamproc.records.control import Cancel
from streamproc.records.identity import RunId
from streamproc.settings.settings import Settings

__all__ = ["cancel"]

_AT_ONCE = 500


def cancel(
    *runs: RunNames,
    request_id: Annotated[
        tuple[str, ...],
        Parameter(
            help="Instead of run ids: requests with this id that are there by now. May be repeated.", negative=()
        ),
    ] = (),
    tenant: Annotated[
        str | None, Parameter(help="Whose they are. Needed with --request-id; a run's own is looked up without it.")
    ] = None,
    config: ConfigFile = None,
    wait: Annotated[bool, Parameter(help="Wait for the results of the runs, and print each one's status.")] = False,
    stalled_seconds: StalledSeconds = 60.0,
) -> int:
    """End runs that nobody needs any more.

    A running call is stopped at its provider; what was used is billed. A run that has its result already keeps it.
    Exit code 0 when everything was sent and, with --wait, is `cancelled`; 1 when a run ended otherwise or its result
    did not come; 2 when something was not sent.
    """
    settings = settings_of(config)
    wanted = run_ids_of(runs)
    if bool(wanted) is bool(request_id):
        raise SetupError(
            "nothing to cancel: give run ids as `streamproc submit` prints them, or --request-id, one of both"
        )
    if request_id and tenant is None:
        raise SetupError("--request-id needs --tenant: request ids of different tenants may be the same")
    if request_id and wait:
        raise SetupError("--wait needs run ids: nobody knows how many runs have a request id")
    return asyncio.run(_cancel(settings, wanted, request_id, tenant, wait_seconds=stalled_seconds if wait else None))


async def _cancel(
    settings: Settings, runs: list[RunId], request_ids: tuple[str, ...], tenant: str | None, wait_seconds: float | None
) -> int:
    console = Console(stderr=True)
    asked: list[tuple[RunId | None, str | None]] = [(run, None) for run in runs]
    asked += [(None, name) for name in dict.fromkeys(request_ids)]
    problems: list[str] = []
    async with Client.connect(settings) as client:
        for begin in range(0, len(asked), _AT_ONCE):
            asking = asked[begin : begin + _AT_ONCE]
            sent = await asyncio.gather(
                *(client.cancel(run, request_id=name, tenant=tenant) for run, name in asking), return_exceptions=True
            )
            for one in sent:
                if isinstance(one, Cancel):
                    name = one.run_id or f"requests {one.request_id}"
                    _say(console, f"asked to cancel {name} of {one.tenant}")
                elif isinstance(one, SetupError | InvalidRequest):
                    problems.append(str(one))  # the others can be cancelled all the same
                else:
                    raise one
        if problems:
            more = f" (and {len(problems) - 1} more were not sent)" if len(problems) > 1 else ""
            raise SetupError(problems[0] + more)
        return 0 if wait_seconds is None else await _wait(client, runs, wait_seconds, console)


async def _wait(client: Client, runs: list[RunId], wait_seconds: float, console: Console) -> int:
    cancelled = 0
    try:
        async for update in client.follow(runs, chunks=False, stalled_seconds=wait_seconds, from_the_past=True):
            if isinstance(update, Finished):
                print(f"{update.run_id}\t{update.result.status}", flush=True)  # noqa: T201 the command line speaks
                cancelled += update.result.status == "cancelled"
    except Stalled as stalled:
        _say(console, str(stalled))
    return 0 if cancelled == len(runs) else 1


def _say(console: Console, sentence: str) -> None:
    console.print(sentence, highlight=False, soft_wrap=True, markup=False)
