"""An answer that faults disturb, on its way: writes the pieces of a draft at their times, then does what it says."""

import asyncio

from streamproc.mock.answering import (
    PIECES_AT_ONCE,
    SHORTEST_WAIT_SECONDS,
    Answering,
    Ended,
    Generation,
    Streamed,
    Whole,
)
from streamproc.mock.faults.draft import Draft, Event, pieces_of
from streamproc.mock.ticker import Ticker

__all__ = ["start_answering"]


def start_answering(
    generation: Generation, transport: asyncio.Transport, ticker: Ticker, ended: Ended, *, keeps_alive: bool
) -> Answering:
    """Writes the answer to the transport from now on."""
    if generation.draft is not None:
        return _Disturbed(generation, generation.draft, transport, ticker, ended, keeps_alive=keeps_alive)
    kind = Streamed if generation.call.asked.is_streamed else Whole
    return kind(generation, transport, ticker, ended, keeps_alive=keeps_alive)


class _Disturbed:
    """Pieces with their times; tokens count when their piece is written."""

    def __init__(
        self,
        generation: Generation,
        draft: Draft,
        transport: asyncio.Transport,
        ticker: Ticker,
        ended: Ended,
        *,
        keeps_alive: bool,
    ) -> None:
        self._call = generation.call
        self._draft = draft
        self._transport = transport
        self._ticker = ticker
        self._ended = ended
        self._pieces = pieces_of(draft, keeps_alive=keeps_alive)
        self._is_paused = False
        self._due = ticker.now()
        self._step = self._write_due
        self._next: Event | None = self._take()
        self._tick = ticker.at(self._due, self._step)

    def _take(self) -> Event | None:
        piece = next(self._pieces, None)
        self._due += piece.wait_seconds if piece else 0.0
        return piece

    def _write_due(self) -> None:
        if self._is_paused:
            return
        now, ready = self._ticker.now(), bytearray()
        for _ in range(PIECES_AT_ONCE):
            # A piece is late, but never early; the ticker's own milliseconds are no reason to wait again.
            if self._next is None or self._due > now + SHORTEST_WAIT_SECONDS / 2:
                break
            ready += self._next.data
            self._call.output_tokens += self._next.tokens
            self._next = self._take()
        if ready:
            self._transport.write(bytes(ready))
        if self._next is not None:
            self._tick = self._ticker.at(max(self._due, now + SHORTEST_WAIT_SECONDS), self._step)
        elif self._draft.ending != "hang":
            self._call.end("cut" if self._draft.is_cut else "completed")
            self._ended(self._draft.ending)

    def pause(self) -> None:
        """Nothing more is written."""
        self._is_paused = True

    def resume(self) -> None:
        """What is due meanwhile comes at once."""
        self._is_paused = False
        self._ticker.drop(self._tick, self._step)
        if self._next is not None:
            self._tick = self._ticker.at(max(self._due, self._ticker.now()), self._step)

    def stop(self) -> None:
        """Tokens written so far count."""
        self._ticker.drop(self._tick, self._step)
        self._call.end("cancelled")
