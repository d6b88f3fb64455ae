"""The schemas say what the decoder does, and the files say what the models do."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings

from streamproc.errors import InvalidRequest
from streamproc.records.chunk import Chunk
from streamproc.records.codec import chunk_head, encode, encode_chunk, encode_usage
from streamproc.records.dead_letter import DeadLetter
from streamproc.records.identity import RunId
from streamproc.records.notes import encode_completed, encode_ended, encode_started
from streamproc.records.result import Failure, Result, ResultToolCall, Timings
from streamproc.records.schemas import main, render, schemas
from streamproc.records.terminal import dead_letter_record
from streamproc.records.usage import TokenCounts, UsageLine
from tests.examples import examples
from tests.unit.records.requests import damaged, decoder, requests
from tests.unit.records.validators import validator

FOLDER = Path(__file__).parents[3] / "schemas"
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
DECODER = decoder()
BEYOND_A_SCHEMA = (
    "json_schema goes with type", "more than 64 bits", "not finite", "number out of range", "bytes that are no image",
    "is cut: the length of base64",
)  # fmt: skip


def refusal(value: Any) -> str | None:
    """The decoder's sentence, or None when it takes the value."""
    try:
        DECODER.decode(json.dumps(value).encode())
    except InvalidRequest as error:
        return str(error)
    return None


def check(value: Any) -> None:
    """Schema and decoder agree about a value, unless the decoder refuses it for what a schema cannot say."""
    told = refusal(value)
    if told is None or not any(words in told for words in BEYOND_A_SCHEMA):
        assert validator("request.json").is_valid(value) is (told is None), told
        if isinstance(value, dict) and "custom_id" in value:
            assert validator("batch-line.json").is_valid(value) is (told is None), told


@given(requests)
@settings(max_examples=40)
def test_a_valid_request_is_valid_for_schema_and_decoder(value: Any) -> None:
    """Both take it, in both forms, with any choice of optional fields."""
    assert refusal(value) is None
    check(value)


@given(damaged())
@examples(120)
def test_a_damaged_request_is_refused_by_both_or_by_none(value: Any) -> None:
    """Wherever it is damaged, schema and decoder agree."""
    check(value)


@pytest.mark.parametrize("field", ["seed", "max_output_tokens", "temperature", "stream", "deadline", "stop", "tools"])
@pytest.mark.parametrize(
    "value",
    [True, 1, 1.0, 1e3, 1.5, 0, -0.0, 2**70, -(2**63), 2**63, "1", "", [], [""], {}, "2026-06-31T00:00:00Z",
     "2026-06-30T23:59:60Z", "2026-06-30T23:59:59Z", "2026-06-30T23:59:59+24:00", "0000-06-30T23:59:59Z"],
)  # fmt: skip
def test_schema_and_decoder_agree_at_the_edges(field: str, value: Any) -> None:
    """Truth values are no numbers, 1e3 is an integer, and times are of the calendar."""
    check({"request_id": "a", "model": "m", "messages": [{"role": "user", "content": "x"}], field: value})


def test_a_request_schema_tells_the_two_forms_apart() -> None:
    """A record with fields of both forms is neither."""
    own = {"request_id": "a", "model": "m", "messages": [{"role": "user", "content": "x"}]}
    assert validator("request.json").is_valid(own)
    assert not validator("request.json").is_valid({**own, "custom_id": "a"})
    assert not validator("batch-line.json").is_valid(own)


def test_what_we_write_follows_its_schema() -> None:
    """A record of each kind, as bytes, with and without its optional fields."""
    line = UsageLine(
        usage_id="t/0/1@1/1000/1", run_id="t/0/1@1", request_id="a", tenant="default", attempt=1000, provider="p",
        model="m", tokens=TokenCounts(input=1), cost_nanos=None, basis="estimated", price_version=None, input_hash="0",
        started_at=NOW, ended_at=NOW,
    )  # fmt: skip
    bare = Result(run_id="t/0/1@1", status="rejected", finished_at=NOW)
    full = bare.model_copy(
        update={
            "status": "failed",
            "error": Failure.model_validate({"class": "A", "code": "b", "sentence": "c"}),
            "timings": Timings(total_seconds=1.0),
            "tool_calls": [ResultToolCall(name="f", arguments="{}", continues=True)],
        }
    )
    bill = encode_usage(line)
    head = chunk_head("t/0/1@1", "a", "default", 1000)
    written = [
        ("usage.json", encode_usage(line)),
        ("result.json", encode(bare)),
        ("result.json", encode(full)),
        ("chunk.json", encode_chunk(head, 0, "start")),
        ("chunk.json", encode_chunk(head, 2, "tool_call", "{", 0, {"tool_index": 0, "tool_call_id": None})),
        ("chunk.json", encode(Chunk(run_id="r", request_id="a", tenant="t", attempt=1, seq=1, kind="text"))),
        ("journal.json", encode_started("me", "t/0/1@1", bill)),
        ("journal.json", encode_ended("me", "t/0/1@1", line.usage_id, bill, 'a "reason"')),
        ("journal.json", encode_ended("me", "t/0/1@1", line.usage_id, None, "not_made")),
        ("journal.json", encode_completed("me", "t/0/1@1", encode(full))),
    ]
    for name, value in written:
        validator(name).validate(json.loads(value))
        assert not validator(name).is_valid({"kind": "no such"})


def test_a_dead_letter_follows_its_schema() -> None:
    """Its headers as text, and the reference that stands for a value too large."""
    letter = DeadLetter(reason="é", code="c", run_id="r", topic="t", partition=0, offset=1, timestamp_ms=-1)
    record = dead_letter_record(letter, None, b"x" * 20_000, (), 10_000)
    headers = {name: content.decode() for name, content in record.headers}
    assert record.value is not None
    validator("dead-letter.json").validate({"headers": headers, "reference": json.loads(record.value)})
    del headers["dlq.reason"]
    assert not validator("dead-letter.json").is_valid({"headers": headers})
    assert RunId.parse("t/0/1@-1").timestamp_ms == -1


def test_the_files_are_up_to_date() -> None:
    """What lies in `schemas/` is what the models say now."""
    for name, schema in schemas().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == render(schema), f"{name}: run `make schemas`"


def test_each_schema_names_its_dialect_and_itself_without_a_host() -> None:
    """2020-12, an id that no program would look up on a network, a title; and it is a valid schema."""
    for name, schema in schemas().items():
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["$id"] == f"streamproc:{name.removesuffix('.json')}.v1"
        assert schema["title"]
        assert jsonschema_rs.meta.is_valid(schema)


def test_a_schema_is_rendered_the_same_whatever_the_order() -> None:
    """Sorted keys, one line end at the end."""
    assert render({"b": 1, "a": {"d": 1, "c": 2}}) == render({"a": {"c": 2, "d": 1}, "b": 1})
    text = render({"b": "é", "a": 1})
    assert text == '{\n  "a": 1,\n  "b": "é"\n}\n'


def test_check_names_the_stale_files_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence, exit code 1; after writing anew, nothing is said."""
    assert main(["--check", str(tmp_path / "new")]) == 1
    assert not (tmp_path / "new").exists()
    assert "request.json" in capsys.readouterr().err
    assert main([str(tmp_path)]) == 0
    assert main(["--check", str(tmp_path)]) == 0
    assert capsys.readouterr().err == ""
    (tmp_path / "chunk.json").write_text("{}", encoding="utf-8")
    (tmp_path / "own.json").write_text("{}", encoding="utf-8")
    assert main(["--check", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "chunk.json" in told
    assert "request.json" not in told
    assert told.count("\n") == 1
    assert (tmp_path / "chunk.json").read_text(encoding="utf-8") == "{}"
    main([str(tmp_path)])
    assert (tmp_path / "chunk.json").read_text(encoding="utf-8") != "{}"
    assert (tmp_path / "own.json").exists()
