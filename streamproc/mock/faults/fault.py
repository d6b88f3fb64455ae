"""What a fault is: a name, a sentence, where it can happen, and what it changes.

A fault acts in one of three places: it answers instead of the model (`Refusing`), changes what is said (`Altering`), or
changes the bytes on the wire (`Disturbing`). Several faults of one name add up; a refusal wins.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from streamproc.mock.answer import Answer
from streamproc.mock.api_error import ApiError
from streamproc.mock.dialects import Dialect
from streamproc.mock.faults.draft import Draft
from streamproc.mock.response import Fields, Reply
from streamproc.mock.shapes.shape import Shape

__all__ = [
    "AFTER_TOKENS",
    "SCOPES",
    "Altering",
    "Disturbing",
    "Fault",
    "Number",
    "Planned",
    "Refusal",
    "Refusing",
    "Scope",
]

Scope = Literal["all", "text", "stream", "sse", "responses"]
SCOPES: Mapping[Scope, tuple[str, Callable[[Shape, bool], bool]]] = MappingProxyType(
    {
        "all": ("everywhere", lambda shape, streamed: True),  # noqa: ARG005 a table of equal signatures
        "text": ("answers with text", lambda shape, streamed: shape.has_words),  # noqa: ARG005 the same
        "stream": ("streams", lambda shape, streamed: streamed),  # noqa: ARG005 the same
        "sse": ("event streams", lambda shape, streamed: streamed and "event-stream" in (shape.stream_type or "")),
        "responses": ("Responses streams", lambda shape, streamed: streamed and shape.name == "openai_responses"),
    }
)
"""Where a fault can happen, in words, and whether it can for a shape, streamed or whole."""


@dataclass(frozen=True, slots=True)
class Number:
    """The number behind a fault's name: what it means, and its default; None means that it must be there."""

    meaning: str
    default: int | None
    least: int = 0
    most: int = 9_999_999


AFTER_TOKENS = Number("tokens before it", 3)
"""Where in an answer a fault comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault.

    Attributes:
        name: lower-case letters, for model names and `--fault`.
        sentence: what a client sees, for the table.
        scope: where it can happen; elsewhere the answer comes undisturbed.
        number: None when the name takes none.
        is_mixed: whether `mixed` may pick it: it ends by itself, and speaks of this call only.
    """

    name: str
    sentence: str
    scope: Scope = "all"
    number: Number | None = None
    is_mixed: bool = True

    def applies(self, shape: Shape, *, is_streamed: bool) -> bool:
        """Whether it can happen to such a call."""
        return SCOPES[self.scope][1](shape, is_streamed and shape.stream_type is not None)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a client gets instead of an answer: an error in the shape's dialect, or a page of somebody in between.

    `fields` are hints in the head; None leaves them to the settings.
    """

    error: ApiError | None = None
    fields: Fields | None = ()
    page: Reply | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusing(Fault):
    """Answers instead of the model, given the dialect, the number and the unix time."""

    refuse: Callable[[Dialect, int, float], Refusal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Altering(Fault):
    """Changes what is said."""

    alter: Callable[[Answer], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbing(Fault):
    """Changes the response's bytes or their times."""

    disturb: Callable[[Draft, int], Draft]


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault with its number, for one call."""

    fault: Fault
    number: int = 0

    def __str__(self) -> str:
        return self.fault.name + (str(self.number) if self.fault.number else "")
