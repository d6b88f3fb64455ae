"""The play: what a newcomer sees of the demo, from the first line to the last."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from streamproc.client import Client, Stalled
from streamproc.demo.bill import add_up, compare
from streamproc.demo.keep import keep_running
from streamproc.demo.load import Bundled, bundled_requests
from streamproc.demo.progress import Progress
from streamproc.demo.report import print_bill, print_fates, print_restarted, print_streamed
from streamproc.demo.stage import Stage, open_stage
from streamproc.demo.stored import stored_records
from streamproc.demo.story import pick_restarted, pick_streamed, streams
from streamproc.demo.view import LiveView, PlainLines, View, streams_shown
from streamproc.errors import SetupError
from streamproc.observe.observers import Observers
from streamproc.records.codec import decode_usage
from streamproc.records.identity import RunId

__all__ = ["play"]

_STALLED_SECONDS = 30.0
_REFRESH_SECONDS = 0.1


async def play(console: Console, *, live: bool, port: int, keep: bool, program: str) -> int:
    """Runs the demo and gives the exit code: 0, or 1 when the bill is not the provider's.

    Args:
        console: where everything is printed.
        live: whether the console can be drawn on over and over.
        port: of the broker; 0 takes a free one.
        keep: goes on after the report, until it is cancelled.
        program: how the reader starts streamproc.

    Raises:
        SetupError: a port is taken, or no answers come.
    """
    requests = bundled_requests()
    progress = Progress(len(requests), streams_shown(console.height), time.monotonic)
    observers = Observers((progress,))
    console.print("streamproc demo: a Kafka broker in memory, a mock provider and a worker, all in this one process.")
    console.print(
        "For trying: nothing on disk, nothing leaves this machine. Answers are words drawn at random,"
        " prices are made up.",
        style="dim",
    )
    async with open_stage(port, observers) as stage:
        console.print(
            f"broker {stage.settings.kafka.bootstrap_servers}, provider {stage.mock.base_url};"
            f" sending {len(requests)} requests of four tenants",
            soft_wrap=True,
            style="dim",
        )
        view = LiveView(console, _prompts(requests)) if live else PlainLines(console)
        await stage.play(_answer(stage, requests, progress, view))
        agrees = await stage.play(_report(console, stage, requests, progress))
        if keep:
            await stage.play(keep_running(console, stage, observers, program))
        else:
            _print_next(console, program)
    return 0 if agrees else 1


def _prompts(requests: Sequence[Bundled]) -> Mapping[str, str]:
    return {request.request_id: request.prompt for request in requests}


async def _answer(stage: Stage, requests: Sequence[Bundled], progress: Progress, view: View) -> None:
    progress.start()
    async with Client.connect(stage.settings) as client:
        run_ids = await _send(client, requests)
        with view:
            drawing = asyncio.create_task(_draw(view, progress, stage), name="draw")
            try:
                async for update in client.follow(run_ids, stalled_seconds=_STALLED_SECONDS):
                    progress.read(update)
                await asyncio.wait_for(progress.is_stored.wait(), _STALLED_SECONDS)
                view.refresh(progress, stage.worker.state())  # also what came and went between two pictures
            except Stalled as exc:
                raise SetupError(f"the demo came to no end: {exc}") from exc
            except TimeoutError as exc:
                raise SetupError("the demo came to no end: the worker did not commit all requests") from exc
            finally:
                drawing.cancel()
                with suppress(asyncio.CancelledError):
                    await drawing


async def _send(client: Client, requests: Sequence[Bundled]) -> list[RunId]:
    under_way = [await client.submit_bytes(request.value, request.request_id) for request in requests]
    return [await stored for stored in under_way]


async def _draw(view: View, progress: Progress, stage: Stage) -> None:
    while True:
        view.refresh(progress, stage.worker.state())
        await asyncio.sleep(_REFRESH_SECONDS)


async def _report(console: Console, stage: Stage, requests: Sequence[Bundled], progress: Progress) -> bool:
    topics = stage.settings.topics
    stored = await stored_records(stage.settings, topics.usage, topics.chunks)
    lines = [decode_usage(record.value or b"") for record in stored[topics.usage]]
    agreement = compare(lines, stage.mock.stats.calls)
    found, prompts = streams(stored[topics.chunks]), _prompts(requests)
    print_fates(console, progress)
    if (streamed := pick_streamed(found)) is not None:
        print_streamed(console, streamed, prompts[streamed[0].chunk.request_id])
    if (restarted := pick_restarted(found)) is not None:
        print_restarted(console, restarted, lines, prompts[restarted[0].chunk.request_id])
    print_bill(console, add_up(lines), agreement)
    return agreement.is_exact


def _print_next(console: Console, program: str) -> None:
    console.print()
    console.print("Next:", style="bold")
    commands = [
        (f"{program} demo --keep", "the same, and then it stays up for your own requests"),
        (f"{program} config show", "every setting; each has one sentence in streamproc/settings/"),
    ]
    if Path("docker-compose.yml").exists():  # in a checkout
        commands.append(("docker compose up", "the same with Apache Kafka, in containers"))
    width = max(len(command) for command, _ in commands)
    for command, meaning in commands:
        console.print(f"  {command:<{width}}  {meaning}", soft_wrap=True)
