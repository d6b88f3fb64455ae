"""The input hash, and the short way from a request to JSON: both give what pydantic itself gives."""

import hashlib
import json
from typing import Any

import orjson
from hypothesis import given

from streamproc.records.input_hash import input_hash
from streamproc.records.request import Request
from streamproc.records.shapes import Strict
from tests.unit.records.requests import decoder, requests

COVERED = {
    "model",
    "messages",
    "text",
    "input",
    "dimensions",
    "temperature",
    "top_p",
    "seed",
    "stop",
    "response_format",
    "tools",
    "tool_choice",
    "max_output_tokens",
    "extra",
}


def told_by_pydantic(request: Request, **which: Any) -> dict[str, Any]:
    """What pydantic writes of a request."""
    return request.model_dump(mode="json", by_alias=True, exclude_none=True, **which)


@given(requests)
def test_hashes_are_those_of_every_version_so_far(value: Any) -> None:
    """Stored answers are found by them, and bills name them: they must not depend on how the JSON is made."""
    request = decoder().decode(json.dumps(value).encode())
    shape = orjson.dumps(told_by_pydantic(request, include=COVERED), option=orjson.OPT_SORT_KEYS)
    assert input_hash(request) == hashlib.sha256(shape).hexdigest()


@given(requests)
def test_what_is_stated_is_what_pydantic_writes(value: Any) -> None:
    """In every part of a request, names that Python keeps for itself and nulls inside free JSON included."""
    request = decoder().decode(json.dumps(value).encode())
    for part in (*request.messages, *(request.tools or ()), request.response_format, request.tool_choice):
        if isinstance(part, Strict):
            written = orjson.loads(orjson.dumps(part, default=Strict.stated))
            assert written == part.model_dump(mode="json", by_alias=True, exclude_none=True)
