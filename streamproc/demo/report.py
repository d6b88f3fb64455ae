"""The report after the run: what became of the requests, the bill, and the two stories."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from streamproc.demo.bill import Agreement, Sum, total
from streamproc.demo.progress import Progress
from streamproc.demo.story import StoredChunk, attempts_of
from streamproc.money.dollars import usd
from streamproc.records.result import Result
from streamproc.records.usage import UsageLine

__all__ = ["print_bill", "print_fates", "print_restarted", "print_streamed"]

_MOST_STORY_LINES = 3


def _heading(console: Console, title: str) -> None:
    console.print()
    console.print(Rule(Text(title, style="bold"), align="left", style="dim"))


def _table(*columns: tuple[str, bool]) -> Table:
    """A table; a column is its title and whether it holds numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for title, is_number in columns:
        table.add_column(title, justify="right" if is_number else "left", overflow="fold")
    return table


def print_fates(console: Console, progress: Progress) -> None:
    """How many requests had which end, and why."""
    _heading(console, f"What became of {len(progress.results)} requests")
    table = _table(("status", False), ("requests", True), ("why", False))
    for (status, why), count in sorted(Counter(map(_fate, progress.results)).items()):
        table.add_row(status, str(count), Text(why))
    console.print(table)
    console.print(
        f"On the way {progress.restarts} streams were cut and started again visibly, {progress.retries} calls failed"
        f" before their first token and were tried again in silence. {progress.dead_letters} records are dead letters."
    )


def _fate(result: Result) -> tuple[str, str]:
    if result.error is not None:
        return result.status, f"{result.error.code}: {result.error.sentence}"
    return result.status, "streamed" if result.chunk_count else 'in one piece, as asked for by "stream": false'


def print_bill(console: Console, sums: Mapping[tuple[str, str], Sum], agreement: Agreement) -> None:
    """The sums by model and tenant, and how they compare with the provider's."""
    _heading(console, "The bill: usage lines of llm.usage, added up")
    console.print(
        "A model's name says how the mock behaves: t100-i12-f120 is 100 tokens, 12 ms apart, the first after 120 ms.",
        style="dim",
    )
    table = _table(
        ("model", False), ("tenant", False), ("calls", True), ("tokens in", True), ("tokens out", True), ("cost", False)
    )
    last = ""
    for (model, tenant), one in sums.items():
        table.add_row("" if model == last else model, tenant, *_figures(one))
        last = model
    table.add_row("all", "", *_figures(total(sums.values())), style="bold")
    console.print(table)
    for sentence in agreement.sentences():
        console.print(sentence, style="bold green" if agreement.is_exact else "bold red")


def _figures(one: Sum) -> tuple[str, str, str, str]:
    return f"{one.calls:,}", f"{one.input_tokens:,}", f"{one.output_tokens:,}", usd(one.cost_nanos)


def print_streamed(console: Console, stream: Sequence[StoredChunk], prompt: str) -> None:
    """An answer chunk by chunk, with the time from its first one."""
    first = stream[0]
    _heading(console, f"One answer as it came: {first.chunk.request_id} on llm.chunks")
    _quote(console, "prompt", prompt)
    console.print(f"attempt {first.chunk.attempt}")
    table = _table(("seq", True), ("time", True), ("kind", False), ("text", False))
    for chunk, at_ms in stream:
        table.add_row(str(chunk.seq), f"+{at_ms - first.at_ms} ms", chunk.kind, Text(chunk.text))
    console.print(table)


def print_restarted(console: Console, stream: Sequence[StoredChunk], lines: Iterable[UsageLine], prompt: str) -> None:
    """An answer that was cut: each attempt's text, and what its usage line says."""
    chunk = stream[0].chunk
    _heading(console, f"One answer that was cut and came again: {chunk.request_id}")
    _quote(console, "prompt", prompt)
    by_attempt = {line.attempt: line for line in lines if line.run_id == chunk.run_id}
    for attempt, chunks in attempts_of(stream).items():
        console.print(f"attempt {attempt}, {len(chunks)} chunks, +{chunks[0].at_ms - stream[0].at_ms} ms")
        _quote(console, "text", "".join(one.chunk.text for one in chunks).strip())
        line = by_attempt.get(attempt)
        if line is not None:
            end = f"cut: {line.reason}" if line.reason else "complete"
            cost = f"{line.tokens.output} output tokens ({line.basis}), {usd(line.cost_nanos)}"
            console.print(
                Padding(Text(f"{end}; on the bill: {cost}", style="yellow" if line.reason else "green"), (0, 2))
            )
    console.print("A reader that sees a higher attempt forgets the lower one and starts again from seq 0.")


def _quote(console: Console, name: str, text: str) -> None:
    room = console.width - len(name) - 4
    shown = text if len(text) <= room * _MOST_STORY_LINES else f"{text[: room * _MOST_STORY_LINES - 1]}…"
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column()
    grid.add_row(f"  {name}", Text(shown))
    console.print(grid)
