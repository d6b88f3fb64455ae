"""An API as the table sees it: the bytes of its answers, piece by piece."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from streamproc.chain.provider import Completed, Event, Text
from streamproc.errors import ProviderError
from streamproc.providers.dialect import Dialect
from streamproc.records.usage import TokenCounts
from tests.faults.cases.case import Case, Table
from tests.faults.raw_provider import END, chunked, response

__all__ = ["USED", "Api"]

USED = TokenCounts(input=7, output=2)
"""What `Api.usage` says."""

Frames = tuple[bytes, ...]


@dataclass(frozen=True, kw_only=True)
class Api:
    """How one API says the same things as the others. A frame is one event of its stream, without chunk sizes.

    Attributes:
        name: the provider kind.
        dialect: ours.
        prefix: path of the base URL.
        path: where it is asked, behind the prefix.
        asks: fields of the request over the usual ones.
        id_header: where the provider's own id of a response stands.
        model: the name of the model that its answers tell.
        frame: any payload as a frame.
        begin: frames before the first piece of text.
        token: a piece of text.
        usage: the usage object of 7 tokens in and 2 out.
        ending: frames after the last piece of text that make the answer complete, with this usage object or `MISSING`.
        no_end_mark: a finish reason is told, the end mark does not follow.
        no_reason: the end mark without a finish reason.
        twice: the finish reason is told twice, then the end mark follows; empty where the two are one thing.
        late: the finish reason, the text "late", the end mark; empty where the two are one thing.
        pings: frames that say nothing and are no progress, by name.
        unknown: frames of kinds that nobody knows, to be ignored.
        shapeless: payloads that are JSON but not of the API's shape, by name.
        usages: usage objects with something odd, by name, and what they mean.
        errors: error objects inside a stream as payloads, by name; each with its class and a part of its sentence.
        whole: body of an answer "ab" that is not streamed, with this usage object or `MISSING`.
        bad_wholes: bodies that are no whole answer, by name, each with its class.
        problem: an error body with this message and these codes (`code`, `type`), as far as the API has codes.
        refusals: answers with an error status: status, body, class, by name.
        own: cases that only this API has.
    """

    name: str
    dialect: Dialect
    prefix: str = "/v1"
    path: str
    asks: Mapping[str, Any] = field(default_factory=dict)
    id_header: bytes | None = b"x-request-id"
    model: str | None
    frame: Callable[[bytes], bytes]
    begin: Frames = ()
    token: Callable[[str], bytes]
    usage: Any
    ending: Callable[[Any], Frames]
    no_end_mark: Frames
    no_reason: Frames
    twice: Frames = ()
    late: Frames = ()
    pings: Mapping[str, bytes]
    unknown: Frames
    shapeless: Mapping[str, Any]
    usages: Mapping[str, tuple[Any, TokenCounts | None]]
    errors: Mapping[str, tuple[Any, type[ProviderError], str]]
    whole: Callable[[Any], bytes]
    bad_wholes: Mapping[str, tuple[bytes, type[ProviderError]]]
    problem: Callable[..., Any]
    refusals: Mapping[str, tuple[int, Any, type[ProviderError]]]
    own: Table = field(default_factory=dict[str, Case])

    def header(self, request_id: bytes) -> Frames:
        """The header with the id of a response, where there is one."""
        return () if self.id_header is None else (self.id_header + b": " + request_id,)

    @property
    def id(self) -> str | None:
        """What an error tells about a response of status 200."""
        return None if self.id_header is None else "req-7"

    @property
    def head(self) -> bytes:
        """Of a stream that is answered; its id is `req-7`."""
        lines = [b"HTTP/1.1 200 OK", b"content-type: " + self.dialect.media_type.encode(), *self.header(b"req-7")]
        return b"\r\n".join([*lines, b"transfer-encoding: chunked", b"", b""])

    def packets(self, *frames: bytes) -> Frames:
        """A stream of these frames that is still open: its head, then a packet for each."""
        return (self.head, *map(chunked, frames))

    def answer(self, *frames: bytes) -> Frames:
        """A stream of these frames that ends as HTTP wants it."""
        return (*self.packets(*frames), END)

    @property
    def good(self) -> Frames:
        """Frames of a complete answer "ab"."""
        return (*self.begin, self.token("a"), self.token("b"), *self.ending(self.usage))

    def completed(self, usage: TokenCounts | None = USED) -> Completed:
        """The end of a complete answer."""
        return Completed(usage, "stop", self.model)

    def gives(self, *texts: str, usage: TokenCounts | None = USED) -> tuple[Event, ...]:
        """The events of a complete answer with these pieces of text."""
        return (*map(Text, texts), self.completed(usage))

    def in_one_piece(self, body: bytes, media_type: str = "application/json") -> Frames:
        """An answer that is not streamed; its id is `req-7`."""
        return (response("200 OK", media_type, body, *self.header(b"req-7")),)
