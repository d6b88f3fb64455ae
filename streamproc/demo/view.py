"""What is seen while the requests are answered: a view that is drawn over and over, or plain lines now and then."""

from collections.abc import Mapping
from typing import Protocol, Self

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from streamproc.demo.progress import Progress, Stream
from streamproc.money.dollars import usd
from streamproc.observe.gauges import WorkerState

__all__ = ["LiveView", "PlainLines", "View", "lag_of", "render_line", "render_view", "streams_shown", "tail"]

_SECONDS_BETWEEN_LINES = 1.0
_PROMPT_FROM_COLUMNS = 100
_OTHER_LINES = 11  # figures above the streams, and what was printed before
_MOST_STREAMS = 40


class View(Protocol):
    """Shows the progress."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def refresh(self, progress: Progress, state: WorkerState) -> None:
        """Shows it as it is now."""
        ...


class LiveView:
    """A view on a terminal; it vanishes at its end."""

    def __init__(self, console: Console, prompts: Mapping[str, str]) -> None:
        self._console = console
        self._prompts = prompts
        # Drawn by our own task: rich's thread would see a progress in the middle of a change.
        self._live = Live(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def refresh(self, progress: Progress, state: WorkerState) -> None:
        """Draws it."""
        console = self._console
        drawn = render_view(progress, state, self._prompts, columns=console.width, lines=console.height)
        self._live.update(drawn, refresh=True)


class PlainLines:
    """A line each second, for files and small terminals."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def refresh(self, progress: Progress, state: WorkerState) -> None:
        """Prints a line, if it is time."""
        if progress.seconds - self._last >= _SECONDS_BETWEEN_LINES:
            self._last = progress.seconds
            self._console.print(render_line(progress, state), soft_wrap=True)


def streams_shown(lines: int) -> int:
    """How many streams a terminal of this height has room for."""
    return max(0, min(_MOST_STREAMS, lines - _OTHER_LINES))


def lag_of(state: WorkerState) -> int:
    """Requests in Kafka that are not finished."""
    return sum(partition.lag or 0 for partition in state.partitions)


def render_line(progress: Progress, state: WorkerState) -> str:
    """The progress in one line."""
    statuses = ", ".join(f"{count} {status}" for status, count in sorted(progress.statuses.items())) or "none"
    return (
        f"{progress.seconds:5.1f} s  in flight {state.running}, lag {lag_of(state)},"
        f" {progress.tokens_per_second:,} tokens/s, {usd(progress.cost_nanos)}, results: {statuses}"
    )


def render_view(
    progress: Progress, state: WorkerState, prompts: Mapping[str, str], *, columns: int, lines: int
) -> RenderableType:
    """The progress as a picture of this size; `prompts` are the users' texts by request id."""
    done = len(progress.results)
    figures = Table.grid(expand=True)
    for _ in range(5):
        figures.add_column(no_wrap=True)
    figures.add_row("in flight", "lag", "tokens/s", "cost so far", "restarts", style="dim")
    figures.add_row(
        str(state.running),
        str(lag_of(state)),
        f"{progress.tokens_per_second:,}",
        usd(progress.cost_nanos),
        str(progress.restarts),
        style="bold",
    )
    results = Text(no_wrap=True, overflow="ellipsis")
    for status, count in sorted(progress.statuses.items()):
        results.append(f"{count} {status}   ", style="green" if status == "completed" else "yellow")
    bar = Table.grid(expand=True, padding=(0, 1))
    bar.add_column(ratio=1)
    bar.add_column(no_wrap=True)
    bar.add_row(ProgressBar(total=progress.expected, completed=done), f"{done}/{progress.expected}")
    streams = [_stream(stream, prompts, columns) for stream in progress.places[: streams_shown(lines)]]
    return Group(figures, Text(), results, bar, Text(), *streams)


def _stream(stream: Stream | None, prompts: Mapping[str, str], columns: int) -> Text:
    if stream is None:
        return Text()
    ended = stream.status is not None
    line = Text(no_wrap=True, overflow="crop", style="dim" if ended else "")
    line.append(f"{stream.request_id:<13.13} ", style="cyan")
    line.append(f"{stream.tenant:<9.9}", style="magenta")
    if columns >= _PROMPT_FROM_COLUMNS:
        line.append(f"{prompts.get(stream.request_id, ''):<36.35}", style="dim")
    if stream.lost:
        line.append("↻ again: ", style="bold yellow")
    if ended:
        line.append("✓ " if stream.status == "completed" else "✗ ", style="green")
    line.append(tail(stream.text.lstrip(), columns - cell_len(line.plain) - 1))
    return line


def tail(text: str, columns: int) -> str:
    """The end of a text, cut to this width; a beginning that is missing shows as an ellipsis."""
    flat = text.replace("\n", " ")
    if cell_len(flat) <= columns:
        return flat
    kept = flat[-max(columns - 1, 0) :] if columns > 1 else ""
    while kept and cell_len(kept) > columns - 1:
        kept = kept[1:]
    return f"…{kept}"
