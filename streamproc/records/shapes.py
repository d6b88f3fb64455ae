"""Field types shared by the records: bounded names, times and the two kinds of model."""

import re
from datetime import UTC, datetime
from math import isfinite
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    WithJsonSchema,
)

__all__ = [
    "ENCODABLE",
    "WHOLE",
    "Billed",
    "CallTime",
    "FreeJson",
    "Label",
    "Name",
    "Nanos",
    "RecordId",
    "Strict",
    "Timestamp",
    "Tokens",
    "Written",
]

# Says in one notation what JSON Schema and Python both understand; only the days of a month are left to the calendar.
_RFC3339 = re.compile(
    r"^(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3])(:[0-5][0-9]){2}(\.[0-9]{1,6})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)

RecordId = Annotated[str, StringConstraints(pattern=r"^[ -~]{1,256}$")]
"""The sender's own label: 1 to 256 printable ASCII characters, safe in headers and logs."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:@/-]{1,128}$")]
"""Tenants, users, features: 1 to 128 characters that are safe in metrics, files and URLs."""

Label = Annotated[str, StringConstraints(min_length=1, max_length=256)]
"""A name given by somebody else, for example a model's."""

_MOST = 2**63 - 1  # what databases, Redis and readers in other languages take for an integer

Tokens = Annotated[int, Field(ge=0, le=_MOST)]
Nanos = Annotated[int, Field(ge=0, le=_MOST)]
"""Integer nano-dollars."""

CallTime = Annotated[AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9999, 1, 1, tzinfo=UTC))]
"""When a call began or ended: a time with a zone, around which a day and a month can be told in every zone."""


def _rfc3339(value: object) -> datetime:
    # One notation only: pydantic would read more of them than the schema promises.
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("must be an RFC 3339 time with a zone, for example 2026-01-31T12:00:00Z")
    try:
        moment = datetime.fromisoformat(value)
        moment.timestamp()
    except (OverflowError, ValueError) as exc:
        raise ValueError("is no time of the calendar") from exc
    return moment


Timestamp = Annotated[
    datetime,
    BeforeValidator(_rfc3339),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": _RFC3339.pattern}),
]


def _whole(value: object) -> object:
    # JSON has one kind of number, and JSON Schema takes 1000.0 and 1e3 for integers.
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""Beside `int`, as the last annotation: takes an integer in any notation that JSON Schema counts as one."""


def _encodable(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    left: list[JsonValue] = [value]
    while left:
        found = left.pop()
        if isinstance(found, dict):
            left += found.values()
        elif isinstance(found, list):
            left += found
        elif isinstance(found, float) and not isfinite(found):
            raise ValueError("holds a number that is not finite")
        elif isinstance(found, int) and not -(2**63) <= found < 2**64:
            raise ValueError("holds an integer of more than 64 bits")
    return value


ENCODABLE = AfterValidator(_encodable)
"""Beside `FreeJson`, as the last annotation: its numbers can be written again, finite and integers within 64 bits."""

FreeJson = dict[str, JsonValue]
"""A JSON object of any shape."""


class Strict(BaseModel):
    """A record that others write: frozen, no coercion, and an unknown field is an error with its name."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )

    def stated(self) -> dict[str, Any]:
        """What is not None, by its name in JSON: for orjson, because pydantic's own way takes twice as long.

        A test holds the outcome to the model.
        """
        # A name that Python or pydantic needs for something else ends with a line.
        return {name.rstrip("_"): value for name, value in vars(self).items() if value is not None}


_WRITTEN = ConfigDict(frozen=True, strict=True, extra="ignore", ser_json_inf_nan="null")


class Written(BaseModel):
    """A record that we write: frozen; a reader ignores fields it does not know, so that readers upgrade first."""

    model_config: ClassVar[ConfigDict] = _WRITTEN


class Billed:
    """A record that we write several times for each call, as a frozen dataclass: it is checked when it is read only.

    pydantic reads it as it reads `Written`. Its own models take three times as long to copy, and to ask for a field.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _WRITTEN

    def changed(self, **fields: object) -> Self:
        """A copy with other values in some fields."""
        copy = object.__new__(type(self))
        object.__setattr__(copy, "__dict__", vars(self) | fields)  # it is frozen
        return copy
