"""Terminal records: results in parts and whole, dead letters and their references."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamproc.records.codec import decode_result, decode_usage
from streamproc.records.dead_letter import DeadLetter
from streamproc.records.outgoing import Outgoing
from streamproc.records.result import Failure, Result, ResultReasoning, ResultToolCall, Timings
from streamproc.records.terminal import dead_letter_record, result_records, usage_record
from streamproc.records.usage import TokenCounts, UsageLine
from streamproc.records.view import Finished, StreamView, join_parts

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SMALLEST = 10_000
LETTER = DeadLetter(reason="é", code="not_json", run_id="t/0/1@5", topic="t", partition=0, offset=1, timestamp_ms=5)

# A text is a short pattern many times over: characters of one to four bytes, and those that JSON escapes.
wide = st.sampled_from(["a", "é", "€", "😀", "\0", '"', "\\", "\x1f", "\n", "\u2028"])
long_texts = st.builds(lambda text, times: text * times, st.text(wide, max_size=4), st.integers(0, 4000))
calls = st.builds(
    ResultToolCall,
    id=st.sampled_from([None, "same", "other"]),
    name=st.sampled_from(["f", "g", ""]),
    arguments=long_texts,
)

thoughts = st.one_of(
    st.builds(ResultReasoning, text=long_texts, signature=st.none() | long_texts.filter(bool)),
    st.builds(ResultReasoning, redacted=long_texts.filter(bool)),
)


def a_result(**fields: Any) -> Result:
    """A completed result with these fields."""
    return Result(
        **{"run_id": "t/0/1@5", "request_id": "a", "status": "completed", "attempt": 7000, "finished_at": NOW, **fields}
    )


@given(st.none() | long_texts, st.none() | long_texts, st.none() | st.lists(calls, min_size=1, max_size=3))
@settings(max_examples=60)
def test_parts_joined_again_are_the_answer(
    text: str | None, reasoning: str | None, tool_calls: list[ResultToolCall] | None
) -> None:
    """Whatever is cut, and wherever: no part above the limit, and nothing is lost or merged."""
    result = a_result(text=text, reasoning=reasoning, tool_calls=tool_calls, cost_nanos=5, finish_reason="stop")
    records = result_records(result, b"a", None, SMALLEST)
    assert all(record.size_bytes() <= SMALLEST for record in records)
    parts = [decode_result(record.value or b"") for record in records]
    assert join_parts(parts) == result
    assert [(part.part, part.parts) for part in parts] == [(number, len(parts)) for number in range(len(parts))]
    assert {(record.topic, record.key) for record in records} == {("results", b"a")}
    assert len({dict(record.headers)["ce_id"] for record in records}) == len(records)


def test_an_answer_of_megabytes_is_cut_and_joined() -> None:
    """Ten megabytes of four-byte characters pass through records of a megabyte."""
    result = a_result(text="😀" * 2_500_000, tool_calls=[ResultToolCall(name="f", arguments="x")] * 2)
    records = result_records(result, b"a", None, 1_000_000)
    assert 10 < len(records) < 60
    assert max(record.size_bytes() for record in records) <= 1_000_000
    view = StreamView("t/0/1@5")
    updates = [update for record in reversed(records) for update in view.add_result(decode_result(record.value or b""))]
    assert updates == [Finished("t/0/1@5", result)]


@given(st.lists(thoughts, min_size=1, max_size=3), st.lists(st.text("aA0+/", min_size=1, max_size=40), max_size=9))
@settings(max_examples=40)
def test_reasoning_and_vectors_are_cut_and_joined(parts: list[ResultReasoning], vectors: list[str]) -> None:
    """Signed reasoning of any length, empty texts among it; vectors stay whole, and all keep their order."""
    embeddings = [vector * 70 for vector in vectors] or None
    result = a_result(text="x" * 9000, reasoning_parts=parts, embeddings=embeddings)
    records = result_records(result, b"a", None, SMALLEST)
    assert max(record.size_bytes() for record in records) <= SMALLEST
    joined = join_parts([decode_result(record.value or b"") for record in records])
    assert joined == result.model_copy(update={"part": 0, "parts": 1})


def test_the_largest_vector_fits_into_the_smallest_record() -> None:
    """An answer takes vectors of 43,692 characters, and limits.max_record_bytes is at least 100,000."""
    records = result_records(a_result(embeddings=["a" * 43_692] * 3), b"a", None, 100_000)
    assert max(record.size_bytes() for record in records) <= 100_000


def test_everything_but_the_answer_is_in_the_first_part() -> None:
    """A reader that only wants the bill reads one part."""
    result = a_result(
        text="x" * 50_000, cost_nanos=9, calls=2, metadata={"a": "b"}, timings=Timings(total_seconds=1.0),
        error=Failure.model_validate({"class": "A", "code": "b", "sentence": "c"}),
    )  # fmt: skip
    first, *others = (json.loads(record.value or b"") for record in result_records(result, b"a", None, SMALLEST))
    assert first["cost_nanos"] == 9
    assert first["metadata"] == {"a": "b"}
    assert first["error"]["code"] == "b"
    assert all("cost_nanos" not in part and "metadata" not in part for part in others)


def test_a_small_result_is_one_record_with_its_trace() -> None:
    """No parts where none are needed; the id is the run's."""
    (record,) = result_records(a_result(text="hi"), None, b"trace", SMALLEST)
    assert decode_result(record.value or b"") == a_result(text="hi")
    headers = dict(record.headers)
    assert headers["ce_id"] == b"t/0/1@5"
    assert headers["ce_type"] == b"streamproc.result.v1"
    assert headers["ce_time"] == b"2026-01-31T12:00:00.000Z"
    assert headers["traceparent"] == b"trace"
    assert record.key is None


def test_a_usage_line_goes_under_the_request_s_key() -> None:
    """The same key as the run's other records."""
    line = UsageLine(
        usage_id="t/0/1@5/7000/1", run_id="t/0/1@5", request_id="a", tenant="t", attempt=7000, provider="p", model="m",
        tokens=TokenCounts(), cost_nanos=None, basis="estimated", price_version=None, input_hash="0", started_at=NOW,
        ended_at=NOW,
    )  # fmt: skip
    record = usage_record(line, None)
    assert (record.topic, record.key) == ("usage", b"a")
    assert decode_usage(record.value or b"") == line
    assert dict(record.headers)["ce_id"] == b"t/0/1@5/7000/1"


def test_a_dead_letter_is_the_record_as_it_came() -> None:
    """Key, value and headers untouched, the reason in headers of ours."""
    record = dead_letter_record(LETTER, b"\xff", b"\x00\xff", (("x", b"1"), ("x", b"2"), ("y", None)), SMALLEST)
    assert record[:3] == ("dead", b"\xff", b"\x00\xff")
    assert record.headers[:3] == (("x", b"1"), ("x", b"2"), ("y", b""))
    assert dict(record.headers[3:]) == {
        "dlq.reason": "é".encode(),
        "dlq.code": b"not_json",
        "dlq.run_id": b"t/0/1@5",
        "dlq.topic": b"t",
        "dlq.partition": b"0",
        "dlq.offset": b"1",
        "dlq.timestamp_ms": b"5",
        "dlq.by_reference": b"false",
    }


def test_headers_of_an_earlier_stay_among_the_dead_letters_are_taken_off() -> None:
    """A replayed record that is refused again tells this refusal, once."""
    own = (("dlq.reason", b"old"), ("dlq.own", b"old"), ("dlq", b"kept"), ("x", b"1"))
    record = dead_letter_record(LETTER, b"k", b"v", own, SMALLEST)
    assert [content for name, content in record.headers if name == "dlq.reason"] == ["é".encode()]
    names = [name for name, _ in record.headers]
    assert "dlq.own" not in names
    assert names[:2] == ["dlq", "x"]


@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [
        (b"k", b"v" * SMALLEST, ()),
        (b"k" * SMALLEST, b"v", ()),
        (b"k", b"v", (("h", b"h" * SMALLEST),)),
        (None, None, (("h" * SMALLEST, None),)),
    ],
)
def test_a_record_too_large_becomes_a_reference(
    key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes | None], ...]
) -> None:
    """Whatever of it is large: the reference says where the original is and how to recognise it."""
    record = dead_letter_record(LETTER, key, value, headers, SMALLEST)
    assert record.size_bytes() <= SMALLEST
    assert record.key is None
    assert json.loads(record.value or b"") == {
        "topic": "t",
        "partition": 0,
        "offset": 1,
        "size_bytes": len(value or b""),
        "sha256": hashlib.sha256(value or b"").hexdigest(),
    }
    assert dict(record.headers)["dlq.by_reference"] == b"true"
    assert "h" not in dict(record.headers)


def test_a_header_name_counts_by_its_bytes() -> None:
    """Counted by characters such a record passed for small, and its dead letter was refused by the topic for ever."""
    record = dead_letter_record(LETTER, b"k", b"v", (("€" * (SMALLEST // 2), b""),), SMALLEST)
    assert dict(record.headers)["dlq.by_reference"] == b"true"


@pytest.mark.parametrize(("key", "value"), [(None, None), (None, b""), (b"", None), (b"k", None), (None, b"v")])
def test_a_dead_letter_has_a_key_or_a_value(key: bytes | None, value: bytes | None) -> None:
    """Kafka's client refuses a record with neither, so an empty value stands for none there, and only there."""
    record = dead_letter_record(LETTER, key, value, (), SMALLEST)
    assert (record.key, record.value) == ((None, b"") if key is None and value is None else (key, value))


def test_the_size_of_a_record_counts_key_value_and_headers() -> None:
    """What the limit is compared with."""
    assert Outgoing("dead", None, None, ()).size_bytes() == 0
    assert Outgoing("dead", b"kk", b"vvv", (("h", b"cccc"),)).size_bytes() == 2 + 3 + 1 + 4 + 8
