"""A stored answer: the events of one that was complete, and what it cost. As a value, and as bytes in a store.

The bytes name their form and the key they were stored under: what a store gives for another key, or in the form of
another version, is no answer. A wrong answer is worse than none.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import orjson
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from streamproc.chain.provider import Completed, Embeddings, Event, Reasoning, Text, ToolCallPart
from streamproc.records.shapes import Nanos
from streamproc.records.usage import TokenCounts

__all__ = ["StoredAnswer", "decode_answer", "encode_answer", "pieces_of"]

_PLAIN, _PACKED = b"1j", b"1z"
"""The first two bytes: version 1, as JSON or as JSON that is packed by zlib."""

_Piece = (
    tuple[Literal["text"], str]
    | tuple[Literal["reasoning"], str, str | None, str | None]
    | tuple[Literal["tool_call"], int, str | None, str | None, str]
    | tuple[Literal["embeddings"], list[str]]
)


@dataclass(frozen=True)
class StoredAnswer:
    """An answer to give again. Nothing is checked when one is made, only when one is read.

    Attributes:
        key: what it was stored under.
        stored_at: unix seconds.
        until: unix seconds; it is not given any more from then on.
        pieces: the events before the end, as few as can be.
        finish_reason: why the provider ended.
        tokens: what the call used that made the answer.
        nanos: what that call cost; None is not known.
        model: the provider's own name of the model, if it told.
        service_tier: if it told.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)

    key: str
    stored_at: float
    until: float
    pieces: list[Annotated[_Piece, Field(union_mode="left_to_right")]]
    finish_reason: str
    tokens: TokenCounts
    nanos: Nanos | None = None
    model: str | None = None
    service_tier: str | None = None

    def events(self) -> list[Event]:
        """The answer, without its end."""
        return [_event(piece) for piece in self.pieces]

    def completed(self) -> Completed:
        """Its end."""
        return Completed(self.tokens, self.finish_reason, self.model, self.service_tier)


_READER = TypeAdapter(StoredAnswer)


def pieces_of(events: Iterable[Event]) -> list[_Piece]:
    """The same answer in as few pieces as can be: events that follow each other and belong together become one.

    A new start and the end are no pieces: the one has voided what was before it, and other fields tell the other.
    """
    pieces: list[_Piece] = []
    group: list[Event] = []
    for event in events:
        if group and not _goes_on(group[-1], event):
            pieces.append(_joined(group))
            group = []
        group.append(event)
    if group:
        pieces.append(_joined(group))
    return pieces


def _goes_on(last: Event, event: Event) -> bool:
    if type(last) is Text:  # nearly all, one for each token
        return type(event) is Text
    match last, event:
        case Reasoning(_, None, None), Reasoning(_, _, None):
            return True
        case ToolCallPart(), ToolCallPart():
            return last.index == event.index
        case _:
            return False


def _joined(group: list[Event]) -> _Piece:
    match group[-1]:
        case Text():
            return ("text", "".join([event.text for event in group if isinstance(event, Text)]))
        case Reasoning(_, signature, redacted):
            text = "".join([event.text for event in group if isinstance(event, Reasoning)])
            return ("reasoning", text, signature, redacted)
        case ToolCallPart(index):
            parts = [event for event in group if isinstance(event, ToolCallPart)]
            call_id = next((part.id for part in reversed(parts) if part.id), None)
            name = next((part.name for part in reversed(parts) if part.name), None)
            return ("tool_call", index, call_id, name, "".join(part.arguments for part in parts))
        case Embeddings(vectors):
            return ("embeddings", list(vectors))
        case other:
            raise TypeError(f"{other!r} is no piece of an answer")


def _event(piece: _Piece) -> Event:
    match piece:
        case ("text", text):
            return Text(text)
        case ("reasoning", text, signature, redacted):
            return Reasoning(text, signature, redacted)
        case ("tool_call", index, call_id, name, arguments):
            return ToolCallPart(index, call_id, name, arguments)
        case ("embeddings", vectors):
            return Embeddings(tuple(vectors))


def encode_answer(answer: StoredAnswer, max_bytes: int, compress_above_bytes: int) -> bytes | None:
    """The answer's bytes, packed when they are many; None when they are more than `max_bytes`, or have no JSON form."""
    try:
        plain = orjson.dumps(answer)
    except orjson.JSONEncodeError:
        return None  # half a character, which a provider may send and JSON may not hold
    if len(plain) > max_bytes:
        return None
    return _PLAIN + plain if len(plain) <= compress_above_bytes else _PACKED + zlib.compress(plain, 1)


def decode_answer(value: bytes, key: str, max_bytes: int) -> StoredAnswer:
    """The answer in these bytes, which were found under this key.

    Raises:
        ValueError: they are damaged, of another version, stored under another key, or more than `max_bytes` unpacked.
    """
    head, body = value[:2], value[2:]
    if head == _PACKED:
        unpacking = zlib.decompressobj()
        try:
            body = unpacking.decompress(body, max_bytes)
        except zlib.error as exc:
            raise ValueError(f"it cannot be unpacked: {exc}") from exc
        if not unpacking.eof:
            raise ValueError(f"it is cut, or has more than {max_bytes} bytes")
    elif head != _PLAIN:
        raise ValueError(f"its form {head!r} is not known")
    try:
        answer = _READER.validate_json(body)
    except ValidationError as exc:
        # Its own text shows a part of the answer, and goes into the log.
        (first, *_) = exc.errors(include_url=False, include_input=False, include_context=False)
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    if answer.key != key:
        raise ValueError("it was stored for another request")
    return answer
