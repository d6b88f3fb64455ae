"""Records to bytes and back. JSON comes and goes only here and in the providers' wire parsers."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from streamproc.errors import InvalidRequest
from streamproc.records.admin import WORDS, Word
from streamproc.records.batch_line import request_adapter
from streamproc.records.chunk import Chunk, ChunkKind
from streamproc.records.control import Cancel
from streamproc.records.request import Request
from streamproc.records.result import Result
from streamproc.records.usage import USAGE_LINE, UsageLine

__all__ = [
    "RequestDecoder",
    "chunk_head",
    "decode_cancel",
    "decode_chunk",
    "decode_result",
    "decode_usage",
    "decode_word",
    "encode",
    "encode_chunk",
    "encode_json",
    "encode_pretty",
    "encode_usage",
    "rfc3339",
]

_MOST_PROBLEMS_TOLD = 3


class RequestDecoder:
    """Reads all request forms. Holds the compiled validator and the bounds, nothing else."""

    def __init__(self, *, max_bytes: int, max_messages: int, max_output_tokens: int) -> None:
        self._adapter = request_adapter()
        self._max_bytes = max_bytes
        self._max_messages = max_messages
        self._max_output_tokens = max_output_tokens

    def decode(self, value: bytes | None, *, is_own: bool = False) -> Request:
        """The request in a record's value.

        One that is `is_own` was read before and written again by a worker, in a form that may be a little longer: its
        bytes are not counted once more.

        Raises:
            InvalidRequest: with a code and one sentence that names the field.
        """
        if not value:
            raise InvalidRequest("the record has no value", code="empty")
        if len(value) > self._max_bytes and not is_own:
            raise InvalidRequest(
                f"the request has {len(value)} bytes; limits.max_request_bytes is {self._max_bytes}", code="too_large"
            )
        try:
            found = self._adapter.validate_json(value, strict=True)
            request = found if isinstance(found, Request) else found.request()
        except ValidationError as exc:
            raise InvalidRequest(_sentence(exc, 1), code=_code(exc)) from exc
        if len(request.messages) > self._max_messages:
            raise InvalidRequest(
                f"messages: {len(request.messages)} messages; limits.max_messages is {self._max_messages}",
                code="too_large",
            )
        if request.max_output_tokens is not None and request.max_output_tokens > self._max_output_tokens:
            raise InvalidRequest(
                f"max_output_tokens: {request.max_output_tokens};"
                f" limits.max_output_tokens is {self._max_output_tokens}",
                code="too_large",
            )
        return request


def _code(exc: ValidationError) -> str:
    kinds = {error["type"] for error in exc.errors(include_url=False, include_input=False, include_context=False)}
    if "json_invalid" in kinds:
        return "not_json"
    return "unknown_field" if "extra_forbidden" in kinds else "invalid_request"


def _sentence(exc: ValidationError, skipped: int) -> str:
    # The first part of a place in a union names the member that was tried.
    problems = []
    errors = exc.errors(include_url=False, include_input=False, include_context=False)
    for error in errors[:_MOST_PROBLEMS_TOLD]:
        place = ".".join(str(part) for part in error["loc"][skipped:])[:200]
        if error["type"] == "extra_forbidden":
            problems.append(f"unknown field {place!r}")
        elif error["type"] == "json_invalid":
            problems.append(error["msg"][0].lower() + error["msg"][1:])
        else:
            told = error["msg"].removeprefix("Value error, ")
            problems.append(f"{place}: {told}" if place else told)
    more = len(errors) - len(problems)
    return ("; ".join(problems) + (f"; and {more} more" if more > 0 else ""))[:1000]


def encode(record: BaseModel) -> bytes:
    """JSON of a record; fields that are None are left out, which readers read as None."""
    return record.model_dump_json(by_alias=True, exclude_none=True).encode()


def encode_pretty(record: BaseModel) -> bytes:
    """Indented JSON for people, with every field."""
    return orjson.dumps(record.model_dump(mode="json", by_alias=True), option=orjson.OPT_INDENT_2)


def encode_usage(line: UsageLine) -> bytes:
    """JSON of a usage line, with every field: a cost that is not known stands there as null.

    By orjson alone, because this runs three times for every call; a test holds the outcome to pydantic's.
    """
    return orjson.dumps(line, option=orjson.OPT_UTC_Z)


def encode_json(value: Mapping[str, Any]) -> bytes:
    """JSON of plain values.

    Raises:
        InvalidRequest: something in it has no JSON form.
    """
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as exc:
        raise InvalidRequest(f"the request has no JSON form: {exc}") from exc


def chunk_head(run_id: str, request_id: str, tenant: str, attempt: int) -> bytes:
    """The part of a chunk's JSON that all chunks of an attempt share, its end left open."""
    identity = {"run_id": run_id, "request_id": request_id, "tenant": tenant, "attempt": attempt}
    return orjson.dumps(identity)[:-1]


def encode_chunk(
    head: bytes,
    seq: int,
    kind: ChunkKind,
    text: str = "",
    char_offset: int = 0,
    tool: dict[str, int | str | None] | None = None,
) -> bytes:
    """JSON of a chunk, put together without building the model: this runs once for every token.

    `head` is the attempt's `chunk_head`. A test holds the outcome to `Chunk`.
    """
    # Only the text can hold anything that JSON has to escape.
    value = b"".join(
        (
            head,
            b',"seq":%d,"kind":"' % seq,
            kind.encode(),
            b'","text":',
            orjson.dumps(text),
            b',"char_offset":%d}' % char_offset,
        )
    )
    return value if tool is None else value[:-1] + b"," + orjson.dumps(tool)[1:]


def decode_cancel(value: bytes | None) -> Cancel:
    """Reads a cancel. Others write it, so it is strict.

    Raises:
        InvalidRequest: the bytes are none; one sentence says why.
    """
    if not value:
        raise InvalidRequest("the record has no value", code="empty")
    try:
        return Cancel.model_validate_json(value)
    except ValidationError as exc:
        raise InvalidRequest(_sentence(exc, 0), code=_code(exc)) from exc


def decode_word(value: bytes | None) -> Word:
    """Reads an operator's word. Others write it, so it is strict.

    Raises:
        InvalidRequest: the bytes are none; one sentence says why.
    """
    try:
        return WORDS.validate_json(value or b"")
    except ValidationError as exc:
        raise InvalidRequest(_sentence(exc, 1), code=_code(exc)) from exc


def decode_chunk(value: bytes) -> Chunk:
    """Reads a chunk; unknown fields are ignored.

    Raises:
        pydantic.ValidationError: the bytes are no chunk.
    """
    return Chunk.model_validate_json(value)


def decode_result(value: bytes) -> Result:
    """Reads a result; unknown fields are ignored.

    Raises:
        pydantic.ValidationError: the bytes are no result.
    """
    return Result.model_validate_json(value)


def decode_usage(value: bytes) -> UsageLine:
    """Reads a usage line; unknown fields are ignored.

    Raises:
        pydantic.ValidationError: the bytes are no usage line.
    """
    return USAGE_LINE.validate_json(value)


def rfc3339(moment: float | datetime) -> str:
    """A time for headers, to the millisecond; unix seconds, or one in UTC. orjson takes half of `isoformat`'s time."""
    at = moment if isinstance(moment, datetime) else datetime.fromtimestamp(moment, UTC)
    whole, _, fraction = orjson.dumps(at, option=orjson.OPT_UTC_Z)[1:-2].decode().partition(".")
    return f"{whole}.{fraction[:3] or '000'}Z"
