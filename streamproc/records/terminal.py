"""From results, usage lines and refused records to the records that go out."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson

from streamproc.records.codec import encode, encode_usage, rfc3339
from streamproc.records.dead_letter import HEADER_PREFIX, DeadLetter, Reference
from streamproc.records.headers import event_headers
from streamproc.records.outgoing import Headers, Outgoing
from streamproc.records.result import Result, ResultReasoning
from streamproc.records.shapes import Written
from streamproc.records.usage import UsageLine

__all__ = ["dead_letter_record", "encode_result", "new_result_records", "result_records", "usage_record"]

_ENVELOPE_BYTES = 4096
"""Room for headers and framing beside a record's value."""


def usage_record(line: UsageLine, trace: bytes | None) -> Outgoing:
    """A usage line as a record."""
    headers = event_headers("usage", line.usage_id, rfc3339(line.ended_at), trace)
    return Outgoing("usage", line.request_id.encode(), encode_usage(line), headers)


def result_records(result: Result, key: bytes | None, trace: bytes | None, max_bytes: int) -> tuple[Outgoing, ...]:
    """A result as one record, or as several parts when it passes `max_bytes`; `key` is the request's own."""
    value = encode(result)
    if len(value) + _ENVELOPE_BYTES <= max_bytes:
        return (_result_record(result.run_id, result.finished_at, value, key, trace),)
    parts = list(_parts(result, max_bytes - _ENVELOPE_BYTES))
    numbered = [part.model_copy(update={"part": number, "parts": len(parts)}) for number, part in enumerate(parts)]
    return tuple(
        _result_record(f"{part.run_id}/{part.part}", part.finished_at, encode(part), key, trace) for part in numbered
    )


def new_result_records(
    fields: Mapping[str, Any], key: bytes | None, trace: bytes | None, max_bytes: int
) -> tuple[Outgoing, ...]:
    """The same of a result's fields, for one that is made just now: a small one takes no model."""
    value = encode_result(fields)
    if len(value) + _ENVELOPE_BYTES <= max_bytes:
        return (_result_record(fields["run_id"], fields["finished_at"], value, key, trace),)
    return result_records(Result(**fields), key, trace, max_bytes)


def encode_result(fields: Mapping[str, Any]) -> bytes:
    """JSON of a result from its fields, without building the model: this runs once for every run.

    A test holds the outcome to `Result`.
    """
    known = {name: value for name, value in fields.items() if value is not None}
    return orjson.dumps(known, default=_plain, option=orjson.OPT_UTC_Z)


def _plain(part: Written) -> dict[str, Any]:
    return part.model_dump(mode="json", by_alias=True, exclude_none=True)


def _result_record(
    event_id: str, finished_at: datetime, value: bytes, key: bytes | None, trace: bytes | None
) -> Outgoing:
    headers = event_headers("result", event_id, rfc3339(finished_at), trace)
    return Outgoing("results", key, value, headers)


def _parts(result: Result, max_bytes: int) -> Iterator[Result]:
    """Cuts texts and lists into parts whose JSON stays below `max_bytes`; the rest is in part 0."""
    # A character takes at most six bytes of JSON as an escape, or four as UTF-8.
    size = max(max_bytes // 8, 1)
    # An empty text stays apart from none.
    emptied = {field: None if getattr(result, field) is None else "" for field in ("text", "reasoning")}
    yield result.model_copy(update={**emptied, **dict.fromkeys(("reasoning_parts", "embeddings", "tool_calls"))})
    for field in ("text", "reasoning"):
        whole: str = getattr(result, field) or ""
        for begin in range(0, len(whole), size):
            yield _bare(result, **{field: whole[begin : begin + size]})
    yield from _reasoning(result, size)
    # Base64 needs no escapes.
    for vectors in _shares(result.embeddings or [], 4 * size):
        yield _bare(result, embeddings=vectors)
    for call in result.tool_calls or []:
        for begin in range(0, max(len(call.arguments), 1), size):
            update = {"arguments": call.arguments[begin : begin + size], "continues": True if begin else None}
            piece = call.model_copy(update=update)
            yield _bare(result, tool_calls=[piece])


def _reasoning(result: Result, size: int) -> Iterator[Result]:
    for part in result.reasoning_parts or []:
        begun = False
        for field in ("text", "signature", "redacted"):
            whole: str | None = getattr(part, field)
            if whole is None:
                continue
            for begin in range(0, max(len(whole), 1), size):
                piece = {field: whole[begin : begin + size], "continues": True if begun else None}
                begun = True
                yield _bare(result, reasoning_parts=[ResultReasoning.model_validate(piece)])


def _shares(vectors: list[str], size: int) -> Iterator[list[str]]:
    share: list[str] = []
    taken = 0
    for vector in vectors:
        if share and taken + len(vector) > size:
            yield share
            share, taken = [], 0
        share.append(vector)
        taken += len(vector)
    if share:
        yield share


def _bare(result: Result, **fields: object) -> Result:
    bare = Result(
        run_id=result.run_id,
        request_id=result.request_id,
        tenant=result.tenant,
        status=result.status,
        attempt=result.attempt,
        finished_at=result.finished_at,
    )
    return bare.model_copy(update=fields)


def dead_letter_record(
    letter: DeadLetter,
    key: bytes | None,
    value: bytes | None,
    headers: tuple[tuple[str, bytes | None], ...],
    max_bytes: int,
) -> Outgoing:
    """The original record with the reason in its headers; above `max_bytes` a reference instead of the value."""
    # Headers of an earlier stay among the dead letters say nothing about this one.
    own = tuple((name, content or b"") for name, content in headers if not name.startswith(HEADER_PREFIX))
    whole = Outgoing("dead", key, b"" if key is None and value is None else value, own + _reason_headers(letter))
    if whole.size_bytes() + _ENVELOPE_BYTES <= max_bytes:
        return whole
    reference = Reference(
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        size_bytes=len(value or b""),
        sha256=hashlib.sha256(value or b"").hexdigest(),
    )
    by_reference = letter.model_copy(update={"by_reference": True})
    return Outgoing("dead", None, encode(reference), _reason_headers(by_reference))


def _reason_headers(letter: DeadLetter) -> Headers:
    fields = letter.model_dump(mode="json")
    # A truth value reads as in JSON.
    texts = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in fields.items()}
    return tuple((HEADER_PREFIX + name, text.encode()) for name, text in texts.items())
