"""An answer on its way: writes the pieces of a plan to a connection at their times.

Every piece has its own due time, counted from the start, so a late timer does not shift those after it. A client that
reads slowly holds up its own answer only. However an answer ends, its call is counted once.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from streamproc.mock.behaviour import Plan
from streamproc.mock.openai_shape import Answer, render_body, render_end, render_words
from streamproc.mock.response import Reply, render_reply, render_stream_head
from streamproc.mock.stats import OpenCall, Outcome
from streamproc.mock.ticker import Ticker

__all__ = ["Answering", "Ended", "Generation", "start_answering"]

# Late pieces are written together, but not without end: other connections want their turn.
_PIECES_AT_ONCE = 64
_SHORTEST_WAIT_SECONDS = 0.001

Ended = Callable[[Outcome], None]
"""Told how the answer ended, when all its bytes are written; not told when it is stopped."""


@dataclass(frozen=True, slots=True)
class Generation:
    """All that is needed to answer a call."""

    plan: Plan
    answer: Answer
    call: OpenCall

    @property
    def last_token(self) -> int:
        """Tokens until the end or the cut."""
        return self.plan.tokens if self.plan.cut_after is None else self.plan.cut_after

    @property
    def outcome(self) -> Outcome:
        """How it ends when nobody stops it."""
        return "completed" if self.plan.cut_after is None else "cut"


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


def start_answering(
    generation: Generation, transport: asyncio.Transport, ticker: Ticker, ended: Ended, *, keeps_alive: bool
) -> Answering:
    """Writes the answer to the transport from now on."""
    kind = _Streamed if generation.call.asked.is_streamed else _Whole
    return kind(generation, transport, ticker, ended, keeps_alive=keeps_alive)


class _Streamed:
    """Server-sent events, one for each token."""

    def __init__(
        self, generation: Generation, transport: asyncio.Transport, ticker: Ticker, ended: Ended, *, keeps_alive: bool
    ) -> None:
        self._generation = generation
        self._transport = transport
        self._ticker = ticker
        self._ended = ended
        self._call = generation.call
        self._last = generation.last_token
        self._interval = generation.plan.interval_seconds
        self._words = render_words(generation.answer)
        self._is_paused = False
        self._step = self._write_due  # bound once, not at every step
        transport.write(render_stream_head(self._call.id, keeps_alive=keeps_alive))
        self._due = ticker.now() + generation.plan.first_token_seconds
        self._tick = ticker.at(self._due, self._step)

    def _write_due(self) -> None:
        if self._is_paused:
            return
        call, last, now = self._call, self._last, self._ticker.now()
        pieces: list[bytes] = []
        while call.output_tokens < last and len(pieces) < _PIECES_AT_ONCE:
            pieces.append(next(self._words))
            call.output_tokens += 1
            self._due += self._interval
            if self._due > now:
                break
        if call.output_tokens < last:
            self._tick = self._ticker.at(max(self._due, now + _SHORTEST_WAIT_SECONDS), self._step)
            self._transport.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))
            return
        outcome = self._generation.outcome
        if outcome == "completed":
            pieces.append(render_end(self._generation.answer, last))
        call.end(outcome)
        self._transport.write(b"".join(pieces))
        self._ended(outcome)

    def pause(self) -> None:
        self._is_paused = True

    def resume(self) -> None:
        self._is_paused = False
        self._ticker.drop(self._tick, self._step)
        self._tick = self._ticker.at(max(self._due, self._ticker.now()), self._step)

    def stop(self) -> None:
        self._ticker.drop(self._tick, self._step)
        self._call.end("cancelled")


class _Whole:
    """One JSON body, sent when the last token would have been there. A cut one stops in the middle of the body."""

    def __init__(
        self, generation: Generation, transport: asyncio.Transport, ticker: Ticker, ended: Ended, *, keeps_alive: bool
    ) -> None:
        self._generation = generation
        self._transport = transport
        self._ticker = ticker
        self._ended = ended
        self._keeps_alive = keeps_alive
        plan = generation.plan
        self._first = ticker.now() + plan.first_token_seconds
        self._tick = ticker.at(self._first + plan.interval_seconds * max(0, generation.last_token - 1), self._send)

    def _send(self) -> None:
        call, outcome = self._generation.call, self._generation.outcome
        call.output_tokens = self._generation.last_token
        call.end(outcome)
        body = render_body(self._generation.answer, self._generation.plan.tokens)
        response = render_reply(Reply(200, body, call.id), keeps_alive=self._keeps_alive)
        self._transport.write(response if outcome == "completed" else response[: -len(body) // 2])
        self._ended(outcome)

    def pause(self) -> None:
        """There is nothing to hold up: the response is written in one piece."""

    def resume(self) -> None:
        """Nothing was held up."""

    def stop(self) -> None:
        """Tokens generated so far count, although none was sent."""
        self._ticker.drop(self._tick, self._send)
        since_first, interval = self._ticker.now() - self._first, self._generation.plan.interval_seconds
        if since_first >= 0 and interval > 0:
            self._generation.call.output_tokens = min(self._generation.last_token, 1 + int(since_first / interval))
        self._generation.call.end("cancelled")
