"""Journal notes: put together by hand, and read by the models."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from streamproc.records.codec import decode_result, encode, encode_usage
from streamproc.records.journal import CallEnded, CallStarted, RunCompleted
from streamproc.records.notes import decode_note, encode_completed, encode_ended, encode_started
from streamproc.records.terminal import result_records
from streamproc.records.view import join_parts
from tests.lines import a_line, a_result

RUN = "llm.requests/0/5@1"
awkward = st.text(st.sampled_from(["a", "é", "😀", '"', "\\", "\0", "\n", "\u2028"]), max_size=8)


@given(awkward, st.none() | awkward, st.none() | st.integers(0, 2**62))
def test_a_started_note_is_what_its_model_says(tenant: str, user: str | None, cost: int | None) -> None:
    """Whatever stands in the line."""
    line = a_line(tenant=tenant, user=user, cost_nanos=cost)
    assert decode_note(encode_started("me", RUN, encode_usage(line))) == CallStarted(owner="me", run_id=RUN, line=line)


@given(st.booleans(), awkward)
def test_an_ended_note_is_what_its_model_says(is_billed: bool, reason: str) -> None:
    """With a bill and without."""
    line = a_line() if is_billed else None
    value = encode_ended("me", RUN, "id", None if line is None else encode_usage(line), reason)
    assert decode_note(value) == CallEnded(owner="me", run_id=RUN, usage_id="id", line=line, reason=reason)


@given(awkward)
def test_a_completed_note_is_what_its_model_says(text: str) -> None:
    """The result as it will be published."""
    result = a_result(text=text)
    assert decode_note(encode_completed("me", RUN, encode(result))) == RunCompleted(
        owner="me", run_id=RUN, result=result
    )


def test_notes_of_the_first_version_are_read() -> None:
    """They are kept for a week, and a worker may be older than the one that reads. What it does not know it ignores."""
    line = (
        '{"usage_id":"t/0/1@1/1000/1","run_id":"t/0/1@1","request_id":"a","tenant":"t","attempt":1000,"provider":"p",'
        '"model":"m","tokens":{"input":5},"basis":"upper_bound","reason":"lost","input_hash":"0",'
        '"started_at":"2026-01-31T12:00:00.000Z","ended_at":"2026-01-31T12:00:00.000Z"}'
    )
    head = '"owner":"o","run_id":"t/0/1@1","new":[1]'
    started = decode_note(f'{{"kind":"started",{head},"line":{line}}}'.encode())
    assert isinstance(started, CallStarted)
    assert (started.owner, started.line.usage_id, started.line.tokens.input) == ("o", "t/0/1@1/1000/1", 5)
    ended = decode_note(f'{{"kind":"ended",{head},"usage_id":"u","line":null,"reason":"not_made"}}'.encode())
    assert ended == CallEnded(owner="o", run_id="t/0/1@1", usage_id="u", line=None, reason="not_made")
    result = '{"run_id":"t/0/1@1","status":"completed","text":"x","finished_at":"2026-01-31T12:00:00.000Z"}'
    completed = decode_note(f'{{"kind":"completed",{head},"result":{result},"usage":[{line}]}}'.encode())
    assert isinstance(completed, RunCompleted)
    assert completed.result.text == "x"


@pytest.mark.parametrize("value", [None, b"", b"{}", b"\xff", b'{"kind":"other"}', b'{"kind":"started"}', b"[]"])
def test_what_is_no_note_is_refused(value: bytes | None) -> None:
    """By one error."""
    with pytest.raises(ValidationError):
        decode_note(value)


@given(st.integers(0, 5000), st.none() | st.integers(0, 5000), st.lists(st.integers(0, 5000), max_size=3))
def test_joined_parts_are_the_result(text: int, reasoning: int | None, arguments: list[int]) -> None:
    """As it was cut for the results topic, so it stands in the journal."""
    calls = [{"id": None, "name": "f", "arguments": "{" * length} for length in arguments]
    result = a_result(
        text="é" * text, reasoning=None if reasoning is None else "r" * reasoning, tool_calls=calls or None
    )
    records = result_records(result, None, None, 12_200)
    assert join_parts([decode_result(record.value or b"") for record in records]) == result
