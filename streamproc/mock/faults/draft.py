"""A response taken apart into what a fault can change, and put together again as bytes with their times.

An undisturbed answer never becomes a draft: it takes the short way in `answering`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, repeat
from typing import Literal

from streamproc.mock.answer import Answer
from streamproc.mock.framing import BODY_END, framed, word_events
from streamproc.mock.response import render_head
from streamproc.mock.shapes.shape import Shape

__all__ = ["Draft", "Ending", "Event", "drafted", "pieces_of"]

Ending = Literal["keep", "close", "reset", "hang"]
"""What becomes of the connection: it stays for the next request, is closed, reset, or nothing happens any more."""

Kind = Literal["opening", "word", "closing", "body", "other"]

_BEFORE_RESET_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Event:
    """Bytes that are written together. A whole answer's words have no bytes: they only take their time.

    Attributes:
        data: may be empty; such an event only takes its time.
        wait_seconds: since the event before.
        tokens: that are on the bill when it is written.
        kind: its place in the answer.
        is_raw: whether it gets no HTTP chunk around it.
    """

    data: bytes
    wait_seconds: float = 0.0
    tokens: int = 0
    kind: Kind = "other"
    is_raw: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """A response with status 200 that faults change.

    Attributes:
        shape: of the API.
        answer: what is said.
        tokens: number of words.
        is_streamed: otherwise the body is one event, and those before it are words that nobody sees.
        content_type: in the head.
        events: the body.
        fields: further lines of the head.
        has_head: False sends nothing but the events.
        is_chunked: otherwise the head tells a length.
        length: that the head tells; None for the true one.
        code: a content encoding for the whole body; gets and gives events.
        pace: changes the bytes' times, after all else.
        repeated: comes behind all events, without end.
        ending: of the connection.
        is_cut: whether the bill says that the answer did not come to its end.
    """

    shape: Shape
    answer: Answer
    tokens: int
    is_streamed: bool
    content_type: str
    events: tuple[Event, ...]
    fields: tuple[tuple[str, str], ...] = ()
    has_head: bool = True
    is_chunked: bool = True
    length: int | None = None
    code: Callable[[Iterable[Event]], tuple[Event, ...]] = tuple
    pace: Callable[[Iterator[Event]], Iterator[Event]] = iter
    repeated: Event | None = None
    ending: Ending = "keep"
    is_cut: bool = False


def drafted(shape: Shape, answer: Answer, tokens: int, *, is_streamed: bool) -> Draft:
    """The response as it would be without a fault."""
    first, interval = answer.first_token_seconds, answer.interval_seconds
    if is_streamed and shape.stream_type is not None:
        look = shape.words(answer)
        head = Event(b"", first, answer.reasoning_tokens)
        words = zip(range(tokens), word_events(look, answer.seed), strict=False)
        events = (
            head,
            *(Event(data, kind="opening") for data in look.opening),
            *(Event(data, interval if place else 0.0, tokens=1, kind="word") for place, data in words),
            *(Event(data, kind="closing") for data in shape.close(answer, tokens).events()),
        )
        return Draft(shape, answer, tokens, is_streamed=True, content_type=shape.stream_type, events=events)
    unseen = (Event(b"", interval if place else 0.0, tokens=1, kind="word") for place in range(tokens))
    body = Event(shape.body(answer, tokens), kind="body")
    return Draft(
        shape,
        answer,
        tokens,
        is_streamed=False,
        content_type="application/json",
        events=(Event(b"", first, answer.reasoning_tokens), *unseen, body),
        is_chunked=False,
    )


def pieces_of(draft: Draft, *, keeps_alive: bool) -> Iterator[Event]:
    """The response's bytes with their times, the head first; without end when the draft repeats something."""
    events = draft.code(draft.events)
    keeps_alive = keeps_alive and draft.ending == "keep"
    if draft.has_head:
        length = sum(len(event.data) for event in events) if draft.length is None else draft.length
        head = render_head(
            200,
            draft.content_type,
            draft.fields,
            length=None if draft.is_chunked else length,
            keeps_alive=keeps_alive,
        )
        yield from _with_head(draft, events, head)
    else:
        yield from events
    if draft.ending == "reset":
        # What was written must be on its way before the reset, which throws away what is not.
        yield Event(b"", _BEFORE_RESET_SECONDS)


def _with_head(draft: Draft, events: tuple[Event, ...], head: bytes) -> Iterator[Event]:
    body = iter(events)
    if not draft.is_streamed:
        # A whole answer's head comes when its body is there.
        for event in body:
            if event.data:
                body = chain((replace(event, wait_seconds=0.0),), body)
                yield Event(head, event.wait_seconds)
                break
            yield event
        else:
            yield Event(head)
    else:
        yield Event(head)
    endless = repeat(draft.repeated) if draft.repeated is not None else ()
    whole = chain(body, endless)
    yield from draft.pace(map(_chunk, whole) if draft.is_chunked else whole)
    if draft.is_chunked and draft.ending == "keep":
        yield Event(BODY_END)


def _chunk(event: Event) -> Event:
    return replace(event, data=framed(event.data)) if event.data and not event.is_raw else event
