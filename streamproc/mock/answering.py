"""An answer on its way: writes its pieces to a connection at their times.

Every piece has its own due time, counted from the start, so a late timer does not shift those after it. A client that
reads slowly holds up its own answer only. However an answer ends, its call is counted once. An answer that faults
disturb is written by `disturbed`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from streamproc.mock.answer import Answer
from streamproc.mock.faults.draft import Draft, Ending
from streamproc.mock.framing import BODY_END, framed_all, word_chunks
from streamproc.mock.response import Fields, Reply, render_head, render_reply
from streamproc.mock.shapes.shape import Shape
from streamproc.mock.stats import OpenCall
from streamproc.mock.ticker import Ticker

__all__ = ["PIECES_AT_ONCE", "SHORTEST_WAIT_SECONDS", "Answering", "Ended", "Generation", "Streamed", "Whole"]

# Late pieces are written together, but not without end: other connections want their turn.
PIECES_AT_ONCE = 64
SHORTEST_WAIT_SECONDS = 0.001

Ended = Callable[[Ending], None]
"""Told what becomes of the connection, when all bytes of the answer are written; not told when it is stopped."""


@dataclass(frozen=True, slots=True)
class Generation:
    """All that is needed to answer a call. `limits` are lines of the head; `draft` is there when faults disturb it."""

    shape: Shape
    answer: Answer
    tokens: int
    call: OpenCall
    limits: Fields = ()
    draft: Draft | None = None

    @property
    def last_token(self) -> int:
        """All tokens of the output, with those of the reasoning."""
        return self.answer.reasoning_tokens + self.tokens

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Lines of the head that all answers have: the call's name, and for streams that nobody may store them."""
        own = ((self.shape.dialect.id_header, self.answer.id), *self.limits)
        return (("cache-control", "no-cache"), *own) if self.call.asked.is_streamed else own


class Answering(Protocol):
    """An answer that a connection can hold up or stop."""

    def pause(self) -> None:
        """The client does not read: write nothing."""
        ...

    def resume(self) -> None:
        """The client reads again."""
        ...

    def stop(self) -> None:
        """The client is gone: generate no more; the call counts as cancelled."""
        ...


class Streamed:
    """One event for each token."""

    def __init__(
        self, generation: Generation, transport: asyncio.Transport, ticker: Ticker, ended: Ended, *, keeps_alive: bool
    ) -> None:
        shape, answer = generation.shape, generation.answer
        self._generation = generation
        self._transport = transport
        self._ticker = ticker
        self._ended = ended
        self._call = generation.call
        self._last = generation.last_token
        self._interval = answer.interval_seconds
        self._words = word_chunks(shape.words(answer), answer.seed)
        self._is_paused = False
        self._step = self._begin
        stream_type = shape.stream_type or ""
        transport.write(render_head(200, stream_type, generation.fields, length=None, keeps_alive=keeps_alive))
        self._due = ticker.now() + answer.first_token_seconds
        self._tick = ticker.at(self._due, self._step)

    def _begin(self) -> None:
        self._call.output_tokens = self._generation.answer.reasoning_tokens
        self._step = self._write_due  # bound once, not at every step
        self._write_due()

    def _write_due(self) -> None:
        if self._is_paused:
            return
        call, last, now = self._call, self._last, self._ticker.now()
        pieces: list[bytes] = []
        while call.output_tokens < last and len(pieces) < PIECES_AT_ONCE:
            pieces.append(next(self._words))
            call.output_tokens += 1
            self._due += self._interval
            if self._due > now:
                break
        if call.output_tokens < last:
            self._tick = self._ticker.at(max(self._due, now + SHORTEST_WAIT_SECONDS), self._step)
            self._transport.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))
            return
        pieces.append(self._end())
        call.end("completed")
        self._transport.write(b"".join(pieces))
        self._ended("keep")

    def _end(self) -> bytes:
        shape, answer, tokens = self._generation.shape, self._generation.answer, self._generation.tokens
        opening = () if tokens else shape.words(answer).opening
        return framed_all((*opening, *shape.close(answer, tokens).events())) + BODY_END

    def pause(self) -> None:
        """Nothing more is written."""
        self._is_paused = True

    def resume(self) -> None:
        """What is due meanwhile comes at once."""
        self._is_paused = False
        self._ticker.drop(self._tick, self._step)
        self._tick = self._ticker.at(max(self._due, self._ticker.now()), self._step)

    def stop(self) -> None:
        """Tokens written so far count."""
        self._ticker.drop(self._tick, self._step)
        self._call.end("cancelled")


class Whole:
    """One JSON body, sent when the last token would have been there."""

    def __init__(
        self, generation: Generation, transport: asyncio.Transport, ticker: Ticker, ended: Ended, *, keeps_alive: bool
    ) -> None:
        answer = generation.answer
        self._generation = generation
        self._transport = transport
        self._ticker = ticker
        self._ended = ended
        self._keeps_alive = keeps_alive
        self._first = ticker.now() + answer.first_token_seconds
        self._tick = ticker.at(self._first + answer.interval_seconds * max(0, generation.tokens - 1), self._send)

    def _send(self) -> None:
        generation = self._generation
        generation.call.output_tokens = generation.last_token
        generation.call.end("completed")
        answer, tokens = generation.answer, generation.tokens
        body = generation.shape.body(answer, tokens)
        self._transport.write(render_reply(Reply(200, body, generation.fields), keeps_alive=self._keeps_alive))
        self._ended("keep")

    def pause(self) -> None:
        """There is nothing to hold up: the response is written in one piece."""

    def resume(self) -> None:
        """Nothing was held up."""

    def stop(self) -> None:
        """Tokens generated so far count, although none was sent."""
        self._ticker.drop(self._tick, self._send)
        generation, call = self._generation, self._generation.call
        since_first, interval = self._ticker.now() - self._first, generation.answer.interval_seconds
        if since_first >= 0 and interval > 0:
            so_far = generation.answer.reasoning_tokens + 1 + int(since_first / interval)
            call.output_tokens = min(generation.last_token, so_far)
        call.end("cancelled")
