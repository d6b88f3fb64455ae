"""The dialect: what one API says differently from the others. Pure: the exchange of bytes is `http_provider`'s.

A provider is a dialect on a transport. What comes in is never trusted: what does not have the shape it should have is
a `MalformedStream`, what ends before its end an `IncompleteStream`.
"""

from collections.abc import Mapping
from typing import Protocol

from streamproc.chain.call import Call
from streamproc.chain.provider import Completed, Event
from streamproc.providers.framing import Decoder
from streamproc.providers.origin import Origin
from streamproc.records.request import Request

__all__ = ["Answer", "Dialect"]


class Answer(Protocol):
    """One answer, read piece by piece. `is_done` is true from the provider's own end mark on."""

    is_done: bool

    def read(self, payload: bytes) -> list[Event]:
        """Events of one payload of a stream, mostly one; none after its end mark.

        Raises:
            ProviderError: an error object, with the class that fits it.
            MalformedStream: no JSON, or not the shape it should have.
        """
        ...

    def read_whole(self, body: bytes) -> list[Event]:
        """Events of an answer that is not streamed, `Completed` included.

        Raises:
            ProviderError: an error object, with the class that fits it.
            MalformedStream: no JSON, or not the shape it should have.
            IncompleteStream: it has no finish reason.
        """
        ...

    def completed(self) -> Completed:
        """The end, when it is one: the provider's end mark and a finish reason.

        Raises:
            MalformedStream: nothing ever came.
            IncompleteStream: one of the two is missing.
        """
        ...


class Dialect(Protocol):
    """One API. `media_type` is what a streamed answer calls itself."""

    media_type: str

    def headers(self, key: str | None) -> Mapping[str, str]:
        """What each request says beside its body; the key is None where the server asks for none."""
        ...

    def path(self, call: Call) -> str:
        """Where the call is posted, behind the base URL."""
        ...

    def check(self, request: Request) -> None:
        """Refuses what this API cannot be asked, or what has no bound in price.

        Raises:
            InvalidRequest: names what is refused, and what is allowed.
        """
        ...

    def render(self, call: Call) -> bytes:
        """The JSON body of the POST."""
        ...

    def decoder(self, max_bytes: int) -> Decoder:
        """For one streamed answer; a payload above so many bytes is refused."""
        ...

    def answer(self, origin: Origin) -> Answer:
        """Of which nothing has come yet."""
        ...

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """The provider's own id of a response."""
        ...
