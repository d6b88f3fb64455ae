"""Control records: strict, because others write them; the schema says the same."""

import json
from typing import Any

import pytest

from streamproc.errors import InvalidRequest
from streamproc.records.codec import decode_cancel, encode
from tests.unit.records.validators import validator

RUN = "llm.requests/3/4711@1764000000000"


@pytest.mark.parametrize(
    "value",
    [
        {"kind": "cancel", "tenant": "acme", "run_id": RUN},
        {"kind": "cancel", "tenant": "acme", "request_id": "a b"},
        {"kind": "cancel", "tenant": "acme", "request_id": "a", "run_id": None},
    ],
)
def test_a_cancel_names_a_run_or_a_request(value: Any) -> None:
    """Written again it is the same, without what it does not name."""
    cancel = decode_cancel(json.dumps(value).encode())
    assert json.loads(encode(cancel)) == {name: told for name, told in value.items() if told is not None}
    assert validator("control.json").is_valid(value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"kind": "cancel", "tenant": "acme"}, "run_id or request_id"),
        ({"kind": "cancel", "tenant": "acme", "run_id": None}, "run_id or request_id"),
        ({"kind": "cancel", "tenant": "acme", "run_id": RUN, "request_id": "a"}, "run_id or request_id"),
        ({"kind": "cancel", "run_id": RUN}, "tenant: "),
        ({"kind": "cancel", "tenant": "a b", "run_id": RUN}, "tenant: "),
        ({"kind": "cancel", "tenant": "acme", "run_id": RUN + "x"}, "run_id: "),
        ({"kind": "cancel", "tenant": "acme", "run_id": "llm.requests/03/1@1"}, "run_id: "),
        ({"kind": "cancel", "tenant": "acme", "request_id": ""}, "request_id: "),
        ({"kind": "cancel", "tenant": "acme", "request_id": 7}, "request_id: "),
        ({"kind": "pause", "tenant": "acme", "run_id": RUN}, "kind: "),
        ({"tenant": "acme", "run_id": RUN}, "kind: "),
        ({"kind": "cancel", "tenant": "acme", "run_id": RUN, "before": 3}, "unknown field 'before'"),
        ([], "object"),
    ],
)
def test_what_is_no_cancel_is_refused_with_its_place(value: Any, words: str) -> None:
    """By the schema, too."""
    with pytest.raises(InvalidRequest) as refused:
        decode_cancel(json.dumps(value).encode())
    assert words in str(refused.value)
    assert not validator("control.json").is_valid(value)


@pytest.mark.parametrize("value", [None, b"", b"\x00\xff", b"{", b"[" * 10_000, b'{"kind": "cancel"}\xff', b"9" * 5000])
def test_any_bytes_are_refused_in_one_sentence(value: bytes | None) -> None:
    """Whatever somebody writes there."""
    with pytest.raises(InvalidRequest) as refused:
        decode_cancel(value)
    assert "\n" not in str(refused.value)
