"""What a record of the dead letter topic tells."""

import pytest

from streamproc.kafka.letter import read_letter
from streamproc.kafka.reader import Place, Record
from streamproc.records.dead_letter import DeadLetter
from streamproc.records.terminal import dead_letter_record

TOLD = DeadLetter(reason="é", code="c", run_id="t/0/1@-5", topic="t", partition=0, offset=1, timestamp_ms=-5)


def a_record(value: bytes | None, max_bytes: int = 100_000) -> Record:
    """What a worker writes for a refused value."""
    out = dead_letter_record(TOLD, b"k", value, (("x", b"1"), ("dlq.old", b"2")), max_bytes)
    return Record(Place("dead", 0), 7, 1500, out.key, out.value, out.headers)


def test_a_letter_gives_back_what_was_refused() -> None:
    """Key, value and own headers as they came, and what the worker said."""
    letter = read_letter(a_record(b"\xff"), {})
    assert letter is not None
    assert (letter.told, letter.written_ms, letter.tenant, letter.size_bytes) == (TOLD, 1500, None, 1)
    assert letter.original is not None
    assert (letter.original.key, letter.original.value, letter.original.headers) == (b"k", b"\xff", (("x", b"1"),))


def test_a_letter_above_the_limit_gives_the_way_to_its_original() -> None:
    """The size is the original's."""
    letter = read_letter(a_record(b"v" * 5000, 5000), {})
    assert letter is not None
    assert letter.original is None
    assert letter.reference is not None
    assert (letter.size_bytes, letter.reference.offset) == (5000, 1)


@pytest.mark.parametrize(
    ("value", "tenant"),
    [
        (b'{"tenant": "acme", "colour": 1}', "acme"),
        (b'{"colour": 1}', None),
        (b'{"tenant": 7}', None),
        (b'{"tenant": "a b"}', None),
        (b"[" * 100_000, None),
        (b"", None),
        (None, None),
    ],
)
def test_the_tenant_is_known_where_the_source_or_the_value_says_it(value: bytes | None, tenant: str | None) -> None:
    """A pinned tenant goes first; a value that is no request tells one at most."""
    named, pinned = read_letter(a_record(value), {}), read_letter(a_record(value), {"t": "pinned"})
    assert named is not None
    assert pinned is not None
    assert (named.tenant, pinned.tenant) == (tenant, "pinned")


def test_what_is_no_letter_is_passed_over() -> None:
    """Readers ignore what they do not know: headers that are missing or damaged, a reference that is none."""
    whole = a_record(b"v")
    assert read_letter(whole._replace(headers=()), {}) is None
    for name, value in (("dlq.offset", b"x"), ("dlq.reason", b"\xff"), ("dlq.by_reference", b"true")):
        headers = tuple(header for header in whole.headers if header[0] != name)
        assert read_letter(whole._replace(headers=(*headers, (name, value))), {}) is None
    assert read_letter(whole._replace(headers=(*whole.headers, ("dlq.later", b"1"))), {}) is not None
