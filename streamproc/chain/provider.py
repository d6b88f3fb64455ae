"""The seam: what a provider is. A layer takes a provider and is a provider, so the chain is one expression."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from streamproc.chain.call import Call
from streamproc.records.usage import TokenCounts

__all__ = ["Completed", "Embeddings", "Event", "Provider", "Reasoning", "Restarted", "Text", "Told", "ToolCallPart"]


class Text(NamedTuple):
    """A piece of the answer."""

    text: str


class Reasoning(NamedTuple):
    """A piece of the model's reasoning.

    Text comes in pieces to be joined; a `signature` is whole and closes the text before it. `redacted` is a whole
    piece that only the provider can read.
    """

    text: str
    signature: str | None = None
    redacted: str | None = None


@dataclass(frozen=True, slots=True)
class ToolCallPart:
    """A piece of a tool call: `index` says which call; id and name come once, arguments in pieces to be joined."""

    index: int
    id: str | None
    name: str | None
    arguments: str


class Embeddings(NamedTuple):
    """Vectors of the request's `input`, in its order, as text (`records.vector`); more may follow."""

    vectors: tuple[str, ...]


class Restarted(NamedTuple):
    """Everything before this event is void: the answer starts again under this attempt number."""

    attempt: int
    reason: str


class Told(NamedTuple):
    """What the provider tells of a call before its end: its own id of it, or what it has used so far.

    For `Accounted`, which keeps it for the bill and the log of a call that is cut, and passes it on to nobody.
    """

    request_id: str | None = None
    usage: TokenCounts | None = None


class Completed(NamedTuple):
    """The end of a complete answer.

    `usage` is None when the provider sent none; `model` and `service_tier` are the names that it reported.
    """

    usage: TokenCounts | None
    finish_reason: str
    model: str | None = None
    service_tier: str | None = None


Event = Text | Reasoning | ToolCallPart | Embeddings | Restarted | Told | Completed


class Provider(Protocol):
    """Answers calls.

    `stream` gives the events of one answer; the last one is `Completed`. Running out of bytes before that raises
    `IncompleteStream`. Every fault is an error of `streamproc.errors`. Closing the iterator ends the call at the
    provider. With `call.request.stream` false the whole answer comes as one `Text`. A request with `input` is answered
    by `Embeddings`, with as many vectors as it has texts.
    """

    @property
    def name(self) -> str:
        """Name in the settings, for usage lines and metrics."""
        ...

    def stream(self, call: Call) -> AsyncGenerator[Event, None]:
        """Makes the call and gives its events as they arrive."""
        ...
