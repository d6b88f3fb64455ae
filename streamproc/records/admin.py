"""The admin record: an operator's word on a budget. The last one for the same thing holds, over the settings.

They stand in a compacted topic, keyed by what they are about, so the last words are all that has to be kept. A record
without a value takes a word back.
"""

from typing import Annotated, Literal, Self

import orjson
from pydantic import Field, TypeAdapter, model_validator

from streamproc.records.pattern import Pattern, parse_pattern
from streamproc.records.shapes import Label, Name, Strict

__all__ = ["WORDS", "Resume", "SetCap", "Stop", "Word", "key_of"]


class _Scoped(Strict):
    scope: Annotated[str, Field(pattern=r"^(global|(tenant|user|feature)=(\*|[A-Za-z0-9._:@/-]{1,128}))$")]
    tenant: Name | None = None
    note: Label | None = None

    @model_validator(mode="after")
    def _is_a_scope(self) -> Self:
        parse_pattern(self.scope, self.tenant)
        return self

    @property
    def pattern(self) -> Pattern:
        """Whom it is about."""
        return parse_pattern(self.scope, self.tenant)


class SetCap(_Scoped):
    """The cap of a scope is so much from now on, in nano-dollars or tokens, until it is said otherwise.

    `scope` is written as in the settings, and `tenant` is that of a user; `note` is for people.
    """

    kind: Literal["set"]
    window: Literal["day", "month"]
    unit: Literal["nanos", "tokens"]
    amount: Annotated[int, Field(ge=0, le=2**63 - 1)]


class Stop(_Scoped):
    """New calls of a scope are refused until it is resumed."""

    kind: Literal["stop"]


class Resume(_Scoped):
    """New calls of a scope may begin again: a stop is over, and in the current windows its kill switch is lifted.

    The caps themselves hold on. The time is that of the record.
    """

    kind: Literal["resume"]


Word = SetCap | Stop | Resume

WORDS: TypeAdapter[Word] = TypeAdapter(Annotated[SetCap | Stop | Resume, Field(discriminator="kind")])
"""Validates a word of any kind."""


def key_of(word: Word) -> bytes:
    """Key of a word's record: a cap for each window and unit, and whether a scope is stopped."""
    about = ["cap", word.window, word.unit] if isinstance(word, SetCap) else ["state"]
    return orjson.dumps([*about, word.scope, word.tenant])
