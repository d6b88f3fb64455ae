"""`streamproc submit`: requests from a JSONL file to the request topic, and their results back."""

import asyncio
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, BinaryIO

from cyclopts import Parameter
from rich.console import Console

from streamproc.cli.input_lines import Line, name_of, parse_lines, read_lines
from streamproc.cli.options import ConfigFile, StalledSeconds, settings_of
from streamproc.cli.show import Shown, Tally, bar, show_all
from streamproc.client import Client, Finished, Stalled
from streamproc.errors import SetupError
from streamproc.kafka.replay import send_all
from streamproc.records.batch_output import encode_batch_output
from streamproc.records.identity import RunId
from streamproc.settings.settings import Settings

__all__ = ["submit"]

_UNDER_WAY = 5000


def submit(
    file: Annotated[
        str, Parameter(help="JSONL file with one request a line, or - for standard input.", allow_leading_hyphen=True)
    ],
    *,
    config: ConfigFile = None,
    follow: Annotated[bool, Parameter(help="Show the tokens while they are produced.")] = False,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="Write results there, in the OpenAI Batch output shape.")
    ] = None,
    wait: Annotated[bool, Parameter(help="Wait for the results, also without --follow and --output.")] = False,
    topic: Annotated[str | None, Parameter(help="Request topic. Default: the first source of the settings.")] = None,
    stalled_seconds: StalledSeconds = 600.0,
) -> int:
    """Publish requests from a JSONL file.

    A line is a request of streamproc or an OpenAI Batch API input line. All lines are checked before the first one is
    sent. Exit code 0 when everything was sent and, where waited for, completed; 1 when a result is not `completed`
    or did not come; 2 when nothing was sent because a line is wrong, or not everything because Kafka did not take it:
    then the run ids of what was sent are printed.
    """
    settings = settings_of(config)
    lines = read_lines(file)
    return asyncio.run(
        _submit(
            settings,
            lines,
            name_of(file),
            topic=topic,
            show=Shown.TOKENS if follow else Shown.BAR if wait or output else Shown.NOTHING,
            output=output,
            stalled_seconds=stalled_seconds,
        )
    )


async def _submit(
    settings: Settings,
    lines: list[Line],
    name: str,
    *,
    topic: str | None,
    show: Shown,
    output: Path | None,
    stalled_seconds: float,
) -> int:
    console = Console(stderr=True)
    with ExitStack() as stack:
        # Opened first: a result that cannot be written must not cost anything.
        sink = _open_output(stack, output)
        async with Client.connect(settings) as client:
            requests = _check(client, lines, name)
            run_ids = await _send(client, requests, topic, console)
            console.print(f"sent {len(run_ids)} requests", highlight=False, soft_wrap=True)
            if show is Shown.NOTHING:
                _print(run_ids)
                return 0
            tally = Tally(len(run_ids))

            def keep(finished: Finished) -> None:
                if sink is not None:
                    sink.write(encode_batch_output(finished.result) + b"\n")

            try:
                updates = client.follow(run_ids, chunks=show is Shown.TOKENS, stalled_seconds=stalled_seconds)
                await show_all(updates, tally, show, keep, console)
            except Stalled as stalled:
                console.print(str(stalled), highlight=False, soft_wrap=True)
            except asyncio.CancelledError:
                console.print(
                    f"stopped waiting: {tally}; the rest goes on in the workers", highlight=False, soft_wrap=True
                )
                raise
            console.print(str(tally), highlight=False, soft_wrap=True)
            return 0 if tally.completed == len(run_ids) else 1


def _open_output(stack: ExitStack, output: Path | None) -> BinaryIO | None:
    if output is None:
        return None
    try:
        return stack.enter_context(output.open("wb"))
    except OSError as exc:
        raise SetupError(f"cannot write {output}: {exc.strerror or exc}") from exc


def _check(client: Client, lines: list[Line], name: str) -> list[tuple[bytes, str]]:
    def request(content: bytes) -> tuple[bytes, str]:
        return content, client.check(content)

    requests = parse_lines(lines, request, f"nothing was sent, {name} has wrong lines")
    if not requests:
        raise SetupError(f"{name} holds no request: put one JSON object on each line")
    return requests


async def _send(client: Client, requests: list[tuple[bytes, str]], topic: str | None, console: Console) -> list[RunId]:
    run_ids: list[RunId] = []
    problem: BaseException | None = None
    with bar(console, "sending", len(requests)) as advance:
        for begin in range(0, len(requests), _UNDER_WAY):
            some = requests[begin : begin + _UNDER_WAY]
            sent = await send_all(lambda request: client.submit_bytes(*request, topic), some)
            run_ids += sent.run_ids
            advance(len(sent.run_ids))
            if (problem := sent.problem) is not None:
                break
    if problem is not None:
        if run_ids:
            # They are answered and paid: whoever sends the file again must know which ones.
            _print(run_ids)
            told = f"sent {len(run_ids)} of {len(requests)} requests; these are their run ids"
            console.print(told, highlight=False, soft_wrap=True)
        raise problem
    return run_ids


def _print(run_ids: list[RunId]) -> None:
    for run_id in run_ids:
        print(run_id)  # noqa: T201 the command line speaks
    sys.stdout.flush()
