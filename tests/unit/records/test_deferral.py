"""Deferrals: what is written is read again as the same request and the same run."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from streamproc.errors import InvalidRequest
from streamproc.records.codec import encode
from streamproc.records.deferral import DEFERRAL_HEADER, Deferral, deferral_of, deferred_record
from streamproc.records.headers import passed_on
from streamproc.records.input_hash import input_hash
from streamproc.records.request import Request
from streamproc.records.usage import TokenCounts, UsageLine
from tests.examples import examples
from tests.unit.records.requests import decoder, requests
from tests.unit.records.validators import validator

NOW = 1_800_000_000.0
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
AT = datetime.fromtimestamp(NOW, UTC)
LINE = UsageLine(
    usage_id="t/3/1@1/1000/1", run_id="t/3/1@1", request_id="r", tenant="t", attempt=1000, provider="p", model="m",
    tokens=TokenCounts(input=1), cost_nanos=None, basis="estimated", input_hash="0", started_at=AT, ended_at=AT,
)  # fmt: skip
DEFERRAL = Deferral(
    run_id="t/3/1@-1", tenant="t", attempt=1000, not_before=NOW + 0.1, deadline=NOW + 1e9, spent_nanos=1, calls=2,
    lost_attempts=3, waits=4, crashes=5, lines=(LINE,),
)  # fmt: skip
DECODER = decoder()


@given(requests)
@examples(100)
def test_a_request_is_read_again_as_it_was(value: Any) -> None:
    """Any valid one, of both forms: all its fields, and so the hash of what the model sees."""
    request = DECODER.decode(json.dumps(value).encode())
    record = deferred_record(request, DEFERRAL, None, None, NOW)
    again = DECODER.decode(record.value, is_own=True)
    assert again == request
    assert input_hash(again) == input_hash(request)
    assert record.key == request.request_id.encode()


def test_a_deferral_is_read_again_as_it_was() -> None:
    """Beside the headers of any record of ours, and those of the request that are passed on."""
    request = Request.model_validate({"request_id": "r", "model": "m", "messages": [{"role": "user", "content": "x"}]})
    record = deferred_record(request, DEFERRAL, TRACE, "t/0/7@1", NOW)
    assert deferral_of(record.headers, 3) == DEFERRAL
    headers = dict(record.headers)
    assert (headers["ce_type"], headers["ce_id"]) == (b"streamproc.deferred.v1", b"t/3/1@-1")
    assert passed_on(record.headers) == (("traceparent", TRACE), ("replay_of", b"t/0/7@1"))
    schema = validator("deferral.json")
    schema.validate(json.loads(headers[DEFERRAL_HEADER]))
    assert not schema.is_valid({})


def test_a_request_that_grew_by_being_written_again_is_still_read() -> None:
    """Defaults are written out, so one at the limit is longer than when it came."""
    value = b'{"request_id":"r","model":"m","messages":[{"role":"user","content":"x"}],"extra":{"top_k":1e15}}'
    tight = decoder(max_bytes=len(value))
    record = deferred_record(tight.decode(value), DEFERRAL, None, None, NOW)
    with pytest.raises(InvalidRequest, match="max_request_bytes"):
        tight.decode(record.value)
    assert tight.decode(record.value, is_own=True).extra == {"top_k": 1e15}


def test_two_deferrals_are_none() -> None:
    """Nobody could say which one counts."""
    header = (DEFERRAL_HEADER, encode(DEFERRAL))
    assert deferral_of([header], 3) == DEFERRAL
    with pytest.raises(InvalidRequest, match="only workers write to this topic"):
        deferral_of([header, header], 3)
