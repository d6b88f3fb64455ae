"""Records out and back: bytes of ours read as they were meant."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from streamproc.errors import InvalidRequest
from streamproc.records.chunk import Chunk
from streamproc.records.codec import (
    chunk_head,
    decode_chunk,
    decode_result,
    decode_usage,
    encode,
    encode_chunk,
    encode_json,
    encode_usage,
    rfc3339,
)
from streamproc.records.result import Failure, Result, ResultReasoning, ResultToolCall
from streamproc.records.terminal import encode_result
from streamproc.records.usage import USAGE_LINE, TokenCounts, UsageLine

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)

CHUNKS = st.tuples(
    st.sampled_from(["start", "text", "reasoning", "tool_call", "end"]),
    st.text(max_size=20),
    st.integers(0, 2**40),
    st.none()
    | st.fixed_dictionaries(
        {
            "tool_index": st.integers(0, 9),
            "tool_call_id": st.none() | st.text(max_size=5),
            "tool_name": st.none() | st.text(max_size=5),
        }
    ),
)


@given(CHUNKS)
def test_a_chunk_is_written_as_its_model_would_write_it(drawn: Any) -> None:
    """The fast way and the model give the same fields and values."""
    kind, text, char_offset, tool = drawn
    identity = {"run_id": "t/0/1@1", "request_id": "a", "tenant": "default"}
    fields = {"kind": kind, "text": text, "char_offset": char_offset, **(tool or {})}
    value = encode_chunk(chunk_head(**identity, attempt=1000), 3, kind, text, char_offset, tool)
    chunk = Chunk.model_validate({**identity, "attempt": 1000, "seq": 3, **fields})
    assert decode_chunk(value) == chunk
    assert {name: found for name, found in json.loads(value).items() if found is not None} == json.loads(encode(chunk))


LINE = UsageLine(
    usage_id="t/0/1@1/1000/1", run_id="t/0/1@1", request_id="a", tenant="default", attempt=1000, provider="p", model="m",
    tokens=TokenCounts(input=1, output=2), cost_nanos=None, basis="estimated", price_version=None, input_hash="0",
    started_at=NOW, ended_at=NOW,
)  # fmt: skip


LINES = st.builds(
    LINE.changed,
    request_id=st.text(max_size=20),
    user=st.none() | st.text(max_size=5),
    tokens=st.builds(TokenCounts, input=st.none() | st.integers(0, 2**40), output=st.none()),
    cost_nanos=st.none() | st.integers(0, 2**62),
    reason=st.none() | st.text(max_size=5),
    started_at=st.datetimes(datetime(1970, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 the zone comes beside it
)


@given(LINES)
def test_a_usage_line_is_written_as_pydantic_would_write_it(line: UsageLine) -> None:
    """The fast way and pydantic give the same bytes, also of a line that was read from a topic."""
    value = encode_usage(line)
    assert value == USAGE_LINE.dump_json(line)
    assert encode_usage(decode_usage(value)) == value


RESULTS = st.fixed_dictionaries(
    {
        "run_id": st.just("t/0/1@1"),
        "request_id": st.none() | st.text(max_size=20),
        "status": st.sampled_from(["completed", "failed"]),
        "chunk_count": st.integers(0, 2**40),
        "text": st.none() | st.text(max_size=20),
        "reasoning_parts": st.none() | st.just([ResultReasoning(text="é"), ResultReasoning(redacted="x")]),
        "tool_calls": st.none() | st.just([ResultToolCall(name="f", arguments="{}")]),
        "cost_nanos": st.none() | st.integers(0, 2**62),
        "calls": st.integers(0, 9),
        "timings": st.fixed_dictionaries({"total_seconds": st.floats(0, 1e9)}),
        "error": st.none() | st.builds(Failure.model_validate, st.just({"class": "A", "code": "b", "sentence": "c"})),
        "metadata": st.none() | st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
        "finished_at": st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 as above
        "part": st.just(0),
        "parts": st.just(1),
    }
)


@given(RESULTS)
def test_a_result_is_written_as_its_model_would_write_it(fields: dict[str, Any]) -> None:
    """The fast way and the model give the same fields and values; what is None is left out at any depth."""
    value, result = encode_result(fields), Result(**fields)
    assert decode_result(value) == result
    assert json.loads(value) == json.loads(encode(result))


def test_an_unknown_cost_stays_visible() -> None:
    """Null in the line, and null when it is read: never zero, never left out."""
    value = encode_usage(LINE)
    assert json.loads(value)["cost_nanos"] is None
    assert json.loads(value)["price_version"] is None
    assert decode_usage(value) == LINE
    assert decode_usage(encode_usage(LINE.changed(cost_nanos=5))).cost_nanos == 5


def test_readers_ignore_what_a_later_version_adds() -> None:
    """Chunks, results and usage lines with a field more are read; one with a field less is not."""
    result = Result(run_id="r", status="completed", text="", finished_at=NOW)
    chunk = Chunk(run_id="r", request_id="a", tenant="t", attempt=1, seq=0, kind="start")
    for decode, value in (
        (decode_result, encode(result)),
        (decode_chunk, encode(chunk)),
        (decode_usage, encode_usage(LINE)),
    ):
        fields = json.loads(value)
        assert decode(json.dumps({**fields, "new": {"a": 1}}).encode()) == decode(value)
        del fields["run_id"]
        with pytest.raises(ValidationError):
            decode(json.dumps(fields).encode())


def test_a_result_leaves_out_what_is_not_known() -> None:
    """Absent reads as None; an empty text stays an empty text."""
    result = Result(run_id="r", status="completed", text="", finished_at=NOW)
    fields = json.loads(encode(result))
    assert fields["text"] == ""
    assert "cost_nanos" not in fields
    assert decode_result(encode(result)) == result


def test_values_without_a_json_form_are_refused() -> None:
    """A client's own values: half a surrogate pair, an object of its own, a number of 100 bits."""
    for value in ("\ud800", object(), 2**100):
        with pytest.raises(InvalidRequest, match="no JSON form"):
            encode_json({"a": value})


def test_times_are_written_in_utc_to_the_millisecond() -> None:
    """One notation for headers and records."""
    assert rfc3339(1_769_860_800.0) == "2026-01-31T12:00:00.000Z"
    assert rfc3339(1_769_860_800.1239) == "2026-01-31T12:00:00.123Z"
