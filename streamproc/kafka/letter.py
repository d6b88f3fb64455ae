"""A dead letter, as it lies in its topic: the refused record, and what the worker says about it."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from streamproc.kafka.reader import Record
from streamproc.records.dead_letter import HEADER_PREFIX, DeadLetter, Reference
from streamproc.records.shapes import Name, Written

__all__ = ["Letter", "Original", "read_letter"]


@dataclass(frozen=True, slots=True)
class Original:
    """A refused record, as its sender wrote it."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter.

    Attributes:
        told: what the worker says about it.
        written_ms: when it was refused, unix milliseconds.
        tenant: the one that its source pins, else the one its own JSON names; None when neither is known.
        size_bytes: of the original's value.
        original: the refused record; None when it is kept by reference.
        reference: where the original is; None when it is here.
    """

    told: DeadLetter
    written_ms: int
    tenant: str | None
    size_bytes: int
    original: Original | None
    reference: Reference | None


class _Labelled(Written):
    tenant: Name | None = None


def read_letter(record: Record, tenants: Mapping[str, str]) -> Letter | None:
    """The letter in a record of the dead letter topic, or None when it is none of ours.

    Args:
        record: of the dead letter topic.
        tenants: by request topic, where a source pins one.
    """
    told = {name.removeprefix(HEADER_PREFIX): value for name, value in record.headers if name.startswith(HEADER_PREFIX)}
    try:
        letter = DeadLetter.model_validate_strings({name: value.decode() for name, value in told.items()})
        reference = Reference.model_validate_json(record.value or b"") if letter.by_reference else None
    except (ValidationError, UnicodeDecodeError):
        return None
    tenant = tenants.get(letter.topic)
    if reference is not None:
        return Letter(letter, record.timestamp_ms, tenant, reference.size_bytes, None, reference)
    own = tuple(header for header in record.headers if not header[0].startswith(HEADER_PREFIX))
    original = Original(record.key, record.value, own)
    value = record.value or b""
    return Letter(letter, record.timestamp_ms, tenant or _named_tenant(value), len(value), original, None)


def _named_tenant(value: bytes) -> str | None:
    try:
        return _Labelled.model_validate_json(value).tenant
    except ValidationError:
        return None
