"""How streams and progress look on a terminal; piped into a file it is plain lines."""

import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from enum import Enum

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from streamproc.client import Finished, Piece, Reset, Update
from streamproc.money.dollars import usd

__all__ = ["Shown", "Tally", "bar", "printable", "show_all"]

_LEAST_ROOM = 20
"""Characters of an answer in a line, however long the request id before it is."""


class Shown(Enum):
    """What is shown while waiting."""

    NOTHING = "nothing"
    BAR = "bar"
    TOKENS = "tokens"


@dataclass
class Tally:
    """Sums over the results that came."""

    expected: int
    completed: int = 0
    others: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nanos: int = 0
    unknown_costs: int = 0

    def add(self, finished: Finished) -> None:
        """Takes a result."""
        result = finished.result
        if result.status == "completed":
            self.completed += 1
        else:
            self.others += 1
        self.input_tokens += result.input_tokens or 0
        self.output_tokens += result.output_tokens or 0
        self.cost_nanos += result.cost_nanos or 0
        # A rejected request made no call and cost nothing; that is known.
        self.unknown_costs += result.cost_nanos is None and result.status != "rejected"

    def __str__(self) -> str:
        unknown = f" and {self.unknown_costs} of unknown cost" if self.unknown_costs else ""
        missing = self.expected - self.completed - self.others
        waiting = f", {missing} without a result" if missing else ""
        return (
            f"{self.completed} completed, {self.others} not{waiting};"
            f" {self.input_tokens} input and {self.output_tokens} output tokens, {usd(self.cost_nanos)}{unknown}"
        )


@contextmanager
def bar(console: Console, title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal, nothing elsewhere; gives what advances it.

    Nothing else may be written to that terminal while it is there.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
        # rich would lead what is meant for standard output to the bar's own console, past any file or pipe.
        redirect_stdout=False,
        redirect_stderr=False,
    ) as progress:
        task = progress.add_task(title, total=total)
        yield lambda count: progress.advance(task, count)


async def show_all(
    updates: AsyncIterator[Update],
    tally: Tally,
    shown: Shown,
    keep: Callable[[Finished], None],
    console: Console,
) -> None:
    """Shows updates until they end; every result goes into the tally and to `keep`."""
    is_terminal = sys.stdout.isatty()
    tokens = _Tokens(single=tally.expected == 1, columns=shutil.get_terminal_size().columns if is_terminal else None)
    has_room = shown is Shown.BAR or not is_terminal
    with bar(console, "results", tally.expected) if has_room else nullcontext(_ignore) as advance:
        async for update in updates:
            if isinstance(update, Finished):
                tally.add(update)
                keep(update)
                advance(1)
            if shown is Shown.TOKENS:
                tokens.show(update)


def printable(text: str) -> str:
    """The text without what would steer a terminal; line ends and tabs stay."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _ignore(count: int) -> None:
    """Advances no bar."""


class _Tokens:
    """One stream is shown as it comes; several at once are shown line by line, each with its request id.

    On a terminal of `columns` a line also ends when it is full: a model may write for minutes without an end of line.
    """

    def __init__(self, *, single: bool, columns: int | None) -> None:
        self._single = single
        self._columns = columns
        self._lines: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def show(self, update: Update) -> None:
        if isinstance(update, Piece):
            if update.chunk.kind == "text":
                self._text(update)
        elif isinstance(update, Reset):
            self._end_line(update.run_id)
            self._say(update.run_id, "[the answer starts again]")
        else:
            self._end_line(update.run_id)
            result = update.result
            self._names.setdefault(update.run_id, result.request_id or update.run_id)
            if result.status != "completed":
                self._say(update.run_id, f"[{result.status}: {result.error.sentence if result.error else ''}]")
            elif result.chunk_count == 0:
                for line in (result.text or "").split("\n"):
                    self._say(update.run_id, line)
            self._names.pop(update.run_id, None)

    def _text(self, piece: Piece) -> None:
        self._names[piece.run_id] = piece.chunk.request_id
        if self._single:
            sys.stdout.write(printable(piece.chunk.text))
            sys.stdout.flush()
            self._lines[piece.run_id] = "open"
            return
        *whole, rest = (self._lines.pop(piece.run_id, "") + piece.chunk.text).split("\n")
        for line in whole:
            self._say(piece.run_id, line)
        rest = self._say_full(piece.run_id, rest)
        if rest:
            self._lines[piece.run_id] = rest

    def _say_full(self, run_id: str, rest: str) -> str:
        """Says what fills lines of the terminal, broken between words; gives what is left."""
        if self._columns is None:
            return rest
        room = max(self._columns - len(self._names[run_id]) - 2, _LEAST_ROOM)
        while len(rest) > room:
            end = rest.rfind(" ", 1, room + 1)
            line, rest = (rest[:room], rest[room:]) if end < 0 else (rest[:end], rest[end + 1 :])
            self._say(run_id, line)
        return rest

    def _end_line(self, run_id: str) -> None:
        rest = self._lines.pop(run_id, "")
        if self._single:
            if rest:
                sys.stdout.write("\n")
        elif rest:
            self._say(run_id, rest)

    def _say(self, run_id: str, line: str) -> None:
        prefix = "" if self._single else f"{self._names.get(run_id, run_id)}: "
        sys.stdout.write(f"{prefix}{printable(line)}\n")
        sys.stdout.flush()
