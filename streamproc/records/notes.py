"""Journal notes to bytes and back. They are put together from records that are encoded already.

This runs three times for every call, so no model is built for it; a test holds the outcome to `records.journal`.
"""

from typing import Annotated

import orjson
from pydantic import Field, TypeAdapter

from streamproc.records.journal import CallEnded, CallStarted, Note, RunCompleted

__all__ = ["NOTES", "decode_note", "encode_completed", "encode_ended", "encode_started"]


NOTES: TypeAdapter[Note] = TypeAdapter(Annotated[CallStarted | CallEnded | RunCompleted, Field(discriminator="kind")])
"""Validates a note of any kind."""


def _head(kind: str, owner: str, run_id: str) -> bytes:
    # Owner and run id are of our own making and hold nothing that JSON has to escape.
    return f'{{"kind":"{kind}","owner":"{owner}","run_id":"{run_id}",'.encode()


def encode_started(owner: str, run_id: str, line: bytes) -> bytes:
    """A `CallStarted`; `line` is the JSON of its usage line."""
    return b'%b"line":%b}' % (_head("started", owner, run_id), line)


def encode_ended(owner: str, run_id: str, usage_id: str, line: bytes | None, reason: str) -> bytes:
    """A `CallEnded`; `line` is the JSON of its usage line."""
    head = _head("ended", owner, run_id)
    return b'%b"usage_id":"%b","line":%b,"reason":%b}' % (
        head,
        usage_id.encode(),
        b"null" if line is None else line,
        orjson.dumps(reason),
    )


def encode_completed(owner: str, run_id: str, result: bytes) -> bytes:
    """A `RunCompleted`; `result` is the JSON of a result, or of one of its parts."""
    return b'%b"result":%b}' % (_head("completed", owner, run_id), result)


def decode_note(value: bytes | None) -> Note:
    """Reads a note; unknown fields are ignored.

    Raises:
        pydantic.ValidationError: the bytes are none.
    """
    return NOTES.validate_json(value or b"")
