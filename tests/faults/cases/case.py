"""A case: what the server does with one request, and what the caller must see."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from streamproc.chain.provider import Event
from streamproc.errors import ProviderError
from streamproc.records.usage import Basis

__all__ = ["MISSING", "PAGE", "Case", "Deadlines", "Table"]

PAGE = b"<html><body>Bad Gateway</body></html>"
MISSING: Any = object()
"""In the place of a field that is not sent at all."""


class Deadlines(TypedDict, total=False):
    """Deadlines of the client by their names in `provider_at`."""

    first_byte_seconds: float
    idle_seconds: float
    total_seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """What the server does, then what must come of it.

    Attributes:
        at: who is at the address: the server, nobody (refused), a name without an address, a server without TLS, or
            one whose certificate is not trusted.
        sends: packets as they are on the wire; a number is a pause in seconds, a function makes a packet of megabytes.
        drips: sent every 20 ms after that, until the client goes.
        ends: what the server does with the connection afterwards.
        stream: whether the request asks for a stream.
        within: deadlines of the client that are not the usual ones.
        events: all that are given, in order, `Completed` included.
        error: class of the error; None for an answer that is complete.
        says: a part of the error's sentence.
        basis: of the usage line; None when the call leaves none.
        status: of the error.
        request_id: of the error.
        retry_after: of the error, in seconds.
    """

    at: Literal["server", "nobody", "nowhere", "no tls", "not trusted"] = "server"
    sends: tuple[bytes | float | Callable[[], bytes], ...] = ()
    drips: bytes = b""
    ends: Literal["stays", "closes", "resets", "holds"] = "stays"
    stream: bool = True
    within: Deadlines = field(default_factory=Deadlines)
    events: tuple[Event, ...] = ()
    error: type[ProviderError] | None = None
    says: str = ""
    basis: Basis | None = None
    status: int | None = None
    request_id: str | None = None
    retry_after: float | None = None


Table = Mapping[str, Case]
"""Cases by name; the name is a situation."""
