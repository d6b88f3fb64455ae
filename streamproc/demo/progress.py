"""The progress: what has happened so far, told by the worker's events and by a reader of the output topics."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from streamproc.client import Finished, Piece, Reset, Update
from streamproc.observe.events import CallEnded, Committed, DeadLettered, Happening, RetryPlanned
from streamproc.records.result import Result

__all__ = ["Progress", "Stream"]

_RATE_SECONDS = 1.0


@dataclass(slots=True, eq=False)
class Stream:
    """An answer as far as it has come. `lost` counts the attempts that were cut before this one."""

    run_id: str
    request_id: str
    tenant: str
    text: str = ""
    lost: int = 0
    status: str | None = None


class Progress:
    """Sums, and the streams that a screen shows: `places` keeps each in its place until it has ended.

    Restarts are worth seeing: such a stream takes the place of one that had none, and is the last to lose it.

    Args:
        expected: requests that are sent.
        shown: streams that have a place at once.
        monotonic: seconds that only grow.
    """

    def __init__(self, expected: int, shown: int, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._streams: dict[str, Stream] = {}
        self._words: deque[tuple[float, int]] = deque()
        self._stored = 0
        self._begin = monotonic()
        self.expected = expected
        self.places: list[Stream | None] = [None] * shown
        self.results: list[Result] = []
        self.statuses: Counter[str] = Counter()
        self.cost_nanos = 0
        self.restarts = 0
        self.retries = 0
        self.dead_letters = 0
        self.is_stored = asyncio.Event()
        """Set when every run's usage and result are stored."""

    def start(self) -> None:
        """The time counts from here."""
        self._begin = self._monotonic()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return self._monotonic() - self._begin

    @property
    def tokens_per_second(self) -> int:
        """Of all streams together, over the last second."""
        since = self._monotonic() - _RATE_SECONDS
        while self._words and self._words[0][0] < since:
            self._words.popleft()
        return sum(count for _, count in self._words)

    def saw(self, happening: Happening) -> None:
        """Takes note of what the worker does."""
        match happening:
            case CallEnded(line=line) if line is not None:
                self.cost_nanos += line.cost_nanos or 0
            case RetryPlanned(restart=restart):
                self.restarts += restart
                self.retries += not restart
            case DeadLettered():
                self.dead_letters += 1
            case Committed(runs=runs):
                self._stored += runs
                if self._stored >= self.expected:
                    self.is_stored.set()
            case _:
                pass

    def read(self, update: Update) -> None:
        """Takes note of what a reader saw."""
        match update:
            case Piece(run_id, chunk):
                stream = self._streams.get(run_id)
                if stream is None:
                    stream = self._streams[run_id] = Stream(run_id, chunk.request_id, chunk.tenant)
                    self._place(stream)
                stream.text += chunk.text
                # The mock's tokens are words with a space before each.
                self._words.append((self._monotonic(), chunk.text.count(" ")))
            case Reset(run_id):
                stream = self._streams[run_id]
                stream.text = ""
                stream.lost += 1
                self._show(stream)
            case Finished(run_id, result):
                self.results.append(result)
                self.statuses[result.status] += 1
                if result.chunk_count == 0:
                    self._words.append((self._monotonic(), result.output_tokens or 0))
                if (ended := self._streams.pop(run_id, None)) is not None:
                    ended.status = result.status

    def _place(self, stream: Stream) -> bool:
        over = [number for number, shown in enumerate(self.places) if shown is None or shown.status is not None]
        if over:
            self.places[min(over, key=self._lost_at)] = stream
        return bool(over)

    def _show(self, stream: Stream) -> None:
        if stream in self.places or self._place(stream):
            return
        ordinary = [number for number in range(len(self.places)) if not self._lost_at(number)]
        if ordinary:
            self.places[ordinary[-1]] = stream

    def _lost_at(self, number: int) -> int:
        shown = self.places[number]
        return 0 if shown is None else shown.lost
