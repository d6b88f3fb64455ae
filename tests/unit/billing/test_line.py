"""Reading records of the usage topic: what is a line of the bill, and the sentence for what is none."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from streamproc.billing.line import BilledLine, read_line
from streamproc.kafka.reader import Place, Record
from streamproc.records.codec import encode_usage
from streamproc.records.usage import TokenCounts
from streamproc.records.usage_record import UnreadableRecord
from tests.lines import a_line

NEWER = (("ce_type", b"streamproc.usage.v3"),)


def record(value: bytes | None, headers: tuple[tuple[str, bytes], ...] = ()) -> Record:
    """A record of the usage topic."""
    return Record(Place("llm.usage", 0), 5, 0, None, value, headers)


def changed(**fields: Any) -> bytes:
    """A usage line with other JSON values."""
    return json.dumps(json.loads(encode_usage(a_line())) | fields).encode()


def test_a_line_keeps_every_field() -> None:
    """The columns of the table, in their order; a time is counted in microseconds whatever its zone."""
    began = datetime(2026, 1, 31, 23, 30, 0, 250, tzinfo=timezone(timedelta(hours=1)))
    tokens = TokenCounts(
        input=9, output=8, cached_input=3, cache_write=2, reasoning=1, cache_write_1h=4, web_searches=5
    )
    line = a_line(user="u", feature="f", tokens=tokens, service_tier="flex", reason="lost", started_at=began)
    read = read_line(record(encode_usage(line), (("ce_type", b"streamproc.usage.v1"),)))
    started_us = int(datetime(2026, 1, 31, 22, 30, tzinfo=UTC).timestamp()) * 1_000_000 + 250
    assert read._asdict() | {"ended_us": 0} == {
        "usage_id": "llm.requests/0/5@1/1000/1",
        "run_id": "llm.requests/0/5@1",
        "request_id": "asked",
        "tenant": "default",
        "user_name": "u",
        "feature": "f",
        "provider": "mock",
        "model": "m",
        "basis": "provider",
        "attempt": 1000,
        "cost_nanos": 23_000,
        "input_tokens": 9,
        "output_tokens": 8,
        "cached_input_tokens": 3,
        "cache_write_tokens": 2,
        "cache_write_1h_tokens": 4,
        "reasoning_tokens": 1,
        "web_searches": 5,
        "price_version": "list-1",
        "service_tier": "flex",
        "reason": "lost",
        "input_hash": "0" * 64,
        "started_us": started_us,
        "ended_us": 0,
    }


def test_what_is_not_known_stays_unknown() -> None:
    """None is never made zero."""
    read = read_line(record(encode_usage(a_line(cost_nanos=None, tokens=TokenCounts()))))
    unknown = [name for name, value in read._asdict().items() if value is None]
    assert {"cost_nanos", "input_tokens", "output_tokens", "user_name"} < set(unknown)


def test_the_next_version_is_read() -> None:
    """Readers are upgraded first; its new fields are passed over."""
    value = changed(invented="later")
    assert read_line(record(value, (("ce_type", b"streamproc.usage.v2"),))) == read_line(record(encode_usage(a_line())))


@pytest.mark.parametrize(
    ("value", "headers", "sentence"),
    [
        (None, (), "the record has no value"),
        (b"{", (), "EOF while parsing an object|invalid JSON"),
        (b"\xff\xfe", (), "invalid JSON"),
        (changed(tenant=None), (), "^tenant: "),
        (changed(cost_nanos=-1), (), "^cost_nanos: "),
        (changed(tokens={"input": 1.5}), (), r"^tokens\.input: "),
        (changed(basis="guessed"), (), "^basis: "),
        (changed(started_at="2026-01-31T12:00:00"), (), "^started_at: input should have timezone info$"),
        (changed(model="a\0b"), (), "^model holds a NUL character$"),
        (changed(cost_nanos=10**18), (), "^cost_nanos is 1000000000000000000, above "),
        (changed(cost_nanos=10**19), (), "^cost_nanos: input should be less than "),
        (encode_usage(a_line()), NEWER, "usage line of version 3; this program reads up to 2: upgrade it"),
        (encode_usage(a_line()), (("ce_type", b"streamproc.result.v1"),), "ce_type is 'streamproc.result.v1'"),
    ],
)
def test_what_is_no_line_is_told_in_a_sentence(
    value: bytes | None, headers: tuple[tuple[str, bytes], ...], sentence: str
) -> None:
    """Damaged, of a newer version, or not to be kept in a database; never an error of a library."""
    with pytest.raises(UnreadableRecord, match=sentence):
        read_line(record(value, headers))


def test_the_columns_are_those_of_a_tuple() -> None:
    """Lines with the same content are equal: that is how a repeated one is told from a conflict."""
    assert read_line(record(encode_usage(a_line()))) == BilledLine(*read_line(record(encode_usage(a_line()))))
