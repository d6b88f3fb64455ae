"""Events as bytes, and the HTTP chunks around them: one chunk for each event, as servers send that flush after each.

An event of a word is rendered in pieces: what all events of an answer share, once per answer, and the word, once per
word of the vocabulary. So an event costs one join of bytes, however long it is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from streamproc.mock.vocabulary import VOCABULARY, word_indices

__all__ = ["BODY_END", "WordEvents", "framed", "framed_all", "line", "sse", "word_chunks", "word_events"]

BODY_END = b"0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class WordEvents:
    """How the events of an answer's words look.

    Attributes:
        opening: events before the first word.
        before: bytes of an event before the word's JSON string.
        after: bytes behind it, with a place for the number if the events are numbered.
        first_number: number of the first word's event; None when events have no numbers.
    """

    opening: tuple[bytes, ...]
    before: bytes
    after: bytes
    first_number: int | None = None

    def event(self, word: bytes, place: int) -> bytes:
        """The event of a word (a JSON string, or bytes that pretend to be one) after `place` other words."""
        after = self.after if self.first_number is None else self.after % (self.first_number + place)
        return self.before + word + after


def sse(fields: Any, name: str | None = None) -> bytes:
    """A server-sent event; `name` goes into a line of its own."""
    head = b"" if name is None else b"event: %b\n" % name.encode()
    return b"%bdata: %b\n\n" % (head, orjson.dumps(fields))


def line(fields: Any) -> bytes:
    """A line of NDJSON."""
    return orjson.dumps(fields) + b"\n"


def framed(data: bytes) -> bytes:
    """One HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def framed_all(events: Iterable[bytes]) -> bytes:
    """One HTTP chunk for each event."""
    return b"".join(map(framed, events))


def word_events(events: WordEvents, seed: int) -> Iterator[bytes]:
    """The words' events, without end and without the opening."""
    for place, index in enumerate(word_indices(seed)):
        yield events.event(VOCABULARY[index], place)


def word_chunks(events: WordEvents, seed: int) -> Iterator[bytes]:
    """The same in HTTP chunks; the opening comes with the first one."""
    opening = framed_all(events.opening)
    if events.first_number is not None:
        for event in word_events(events, seed):
            yield opening + framed(event)
            opening = b""
    before, after = events.before, events.after
    shared_length = len(before) + len(after)
    for index in word_indices(seed):
        word = VOCABULARY[index]
        yield b"%b%x\r\n%b%b%b\r\n" % (opening, shared_length + len(word), before, word, after)
        opening = b""
