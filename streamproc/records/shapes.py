"""Field types shared by the records: bounded names, times and the two kinds of model."""

import re
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, StringConstraints, WithJsonSchema

__all__ = ["Label", "Name", "Nanos", "RecordId", "Strict", "Timestamp", "Tokens", "Written"]

_RFC3339 = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})$", re.ASCII)

RecordId = Annotated[str, StringConstraints(pattern=r"^[ -~]{1,256}$")]
"""The sender's own label: 1 to 256 printable ASCII characters, safe in headers and logs."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:@/-]{1,128}$")]
"""Tenants, users, features: 1 to 128 characters that are safe in metrics, files and URLs."""

Label = Annotated[str, StringConstraints(min_length=1, max_length=256)]
"""A name given by somebody else, for example a model's."""

Tokens = Annotated[int, Field(ge=0)]
Nanos = Annotated[int, Field(ge=0)]
"""Integer nano-dollars."""


def _rfc3339(value: object) -> datetime:
    # One notation only: pydantic would read more of them than the schema promises.
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _RFC3339.match(value):
        raise ValueError("must be an RFC 3339 time with a zone, for example 2026-01-31T12:00:00Z")
    try:
        moment = datetime.fromisoformat(value)
        moment.timestamp()
    except (OverflowError, ValueError) as exc:
        raise ValueError("is no time of the calendar") from exc
    return moment


Timestamp = Annotated[
    datetime,
    PlainValidator(_rfc3339),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": _RFC3339.pattern}),
]


class Strict(BaseModel):
    """A record that others write: frozen, no coercion, and an unknown field is an error with its name."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )


class Written(BaseModel):
    """A record that we write: frozen; a reader ignores fields it does not know, so that readers upgrade first."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, strict=True, extra="ignore", ser_json_inf_nan="null")
