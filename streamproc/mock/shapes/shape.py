"""What an API shape is: how its requests are read and how its answers, events and errors are written.

A shape is a value; `table` says which path speaks which.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from streamproc.mock.answer import Answer
from streamproc.mock.api_error import ApiError
from streamproc.mock.asked import Asked
from streamproc.mock.dialects import Dialect
from streamproc.mock.framing import WordEvents

__all__ = ["Closing", "Shape", "no_stream_error", "no_words"]

Events = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Closing:
    """The events after the last word, in their order.

    Attributes:
        before: what ends the text, but neither tells the reason nor ends the stream.
        finish: the event with the finish reason; empty when the end mark has it.
        usage: an event for the usage alone.
        mark: the provider's own end mark.
    """

    before: Events = ()
    finish: Events = ()
    usage: Events = ()
    mark: Events = ()

    def events(self) -> Events:
        """All of them."""
        return self.before + self.finish + self.usage + self.mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """An API shape.

    Attributes:
        name: in the bill.
        id_prefix: what ids of answers begin with.
        dialect: how its errors look.
        stream_type: content type of a stream; None when there are no streams.
        parse: reads a body, given its JSON object and its hash; raises ValueError with a sentence.
        words: how the events of words look.
        close: the events after so many words.
        body: a whole answer of so many words.
        stream_error: an error inside a stream, after so many words.
        ping: an event that says nothing.
        unknown: an event of a type that no document names.
        has_words: False for embeddings.
    """

    name: str
    id_prefix: str
    dialect: Dialect
    stream_type: str | None
    parse: Callable[[dict[str, Any], str], Asked]
    words: Callable[[Answer], WordEvents]
    close: Callable[[Answer, int], Closing]
    body: Callable[[Answer, int], bytes]
    stream_error: Callable[[Answer, int, ApiError], bytes]
    ping: bytes = b": ping\n\n"
    unknown: bytes = b'event: mock.unknown\ndata: {"type":"mock.unknown","object":"mock.unknown"}\n\n'
    has_words: bool = True


def no_words(answer: Answer) -> WordEvents:
    """For shapes without streams."""
    del answer
    return WordEvents((), b"", b"")


def no_stream_error(answer: Answer, tokens: int, error: ApiError) -> bytes:
    """For shapes without streams."""
    del answer, tokens, error
    return b""
