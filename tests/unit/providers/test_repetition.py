"""The short way gives what the whole parse gives, or gives nothing."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from streamproc.providers.repetition import Repetition


def chunk(content: object, **changes: Any) -> bytes:
    """A chunk of a stream as servers send it."""
    delta = {"content": content}
    body = {"id": "c1", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]} | changes
    return orjson.dumps(body)


def learned(data: bytes, text: str) -> Repetition:
    """One that has seen this chunk."""
    repetition = Repetition()
    repetition.learn(data, text)
    return repetition


def test_knows_nothing_at_first() -> None:
    """Before the first whole parse there is nothing to compare with."""
    assert Repetition().text(chunk("a")) is None


@given(st.text(min_size=1), st.text(min_size=1))
def test_reads_what_a_parse_would_read(first: str, second: str) -> None:
    """Any text is read as a whole parse would read it."""
    found = learned(chunk(first), first).text(chunk(second))
    # A text that is itself full of quoted marks may teach nothing; it never teaches anything wrong.
    assert found == second or (found is None and '"content":' in orjson.dumps(chunk(first).decode()).decode())


@given(st.binary(max_size=60))
def test_bytes_that_are_no_string_are_left_to_the_parser(middle: bytes) -> None:
    """Whatever stands in the place of the text, what is read is what a whole parse gives."""
    head, _, tail = chunk("text").partition(b'"text"')
    found = learned(chunk("text"), "text").text(head + middle + tail)
    if found is not None:
        assert orjson.loads(head + middle + tail)["choices"][0]["delta"] == {"content": found}


def test_a_chunk_with_more_than_its_text_is_left_to_the_parser() -> None:
    """A difference in any other place is for the whole parse, and so is a content that is no text."""
    repetition = learned(chunk("a"), "a")
    assert repetition.text(chunk("a", usage={"prompt_tokens": 1})) is None
    assert repetition.text(chunk("a", error={"message": "no"})) is None
    assert repetition.text(chunk(None)) is None
    assert repetition.text(chunk("")) is None
    assert repetition.text(chunk(7)) is None
    assert repetition.text(b"[DONE]") is None


def test_two_keys_in_the_place_of_one_are_left_to_the_parser() -> None:
    """`"a","content":"b"` between head and tail is two members and no string."""
    head, _, tail = chunk("text").partition(b'"text"')
    assert learned(chunk("text"), "text").text(head + b'"a","content":"b"' + tail) is None


def test_a_chunk_shorter_than_head_and_tail_together_is_left_to_the_parser() -> None:
    """Head and tail may not share bytes."""
    data = b'{"content":"xx"}'
    repetition = learned(data, "xx")
    assert repetition.text(b'{"content":"}') is None
    assert repetition.text(b'{"content":}') is None


def test_a_space_behind_the_colon_is_fine() -> None:
    """Python's own JSON writer puts one there."""
    data = b'{"choices": [{"delta": {"content": "one"}}]}'
    assert learned(data, "one").text(b'{"choices": [{"delta": {"content": "two"}}]}') == "two"


def test_a_server_that_escapes_more_than_it_must_teaches_with_its_next_plain_text() -> None:
    """Escapes are read; they only teach nothing."""
    escaped = b'{"delta":{"content":"caf\\u00e9"}}'
    repetition = learned(escaped, "café")
    assert repetition.text(escaped) is None
    repetition.learn(b'{"delta":{"content":"plain"}}', "plain")
    assert repetition.text(escaped) == "café"


def test_a_mark_that_stands_twice_teaches_nothing() -> None:
    """Which of the two is the text would be a guess."""
    data = b'{"content":"a","delta":{"content":"a"}}'
    assert learned(data, "a").text(data) is None
