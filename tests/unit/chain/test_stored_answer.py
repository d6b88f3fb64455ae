"""Stored answers: what comes back is what was stored, or nothing."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.chain.answer import Answer
from streamproc.chain.provider import Embeddings, Event, Reasoning, Text, ToolCallPart
from streamproc.chain.stored_answer import StoredAnswer, decode_answer, encode_answer, pieces_of
from streamproc.records.usage import TokenCounts

KEY = "k" * 64
some_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
maybe = st.none() | some_text
event = (
    st.builds(Text, some_text)
    | st.builds(Reasoning, some_text, maybe, maybe)
    | st.builds(ToolCallPart, st.integers(0, 2), maybe, maybe, some_text)
    | st.builds(lambda vectors: Embeddings(tuple(vectors)), st.lists(some_text, max_size=3))
)


def stored(pieces: list[Any], **fields: Any) -> StoredAnswer:
    """An answer with these pieces."""
    usual = {"key": KEY, "stored_at": 1.5, "until": 2.5, "finish_reason": "stop", "tokens": TokenCounts(input=1)}
    return StoredAnswer(pieces=pieces, **{**usual, **fields})


def folded(events: list[Event]) -> tuple[Any, ...]:
    """What a run makes of events."""
    answer = Answer("p", 10**6)
    for one in events:
        answer.add(one)
    return (answer.text, answer.reasoning, answer.reasoning_parts, answer.embeddings, answer.tool_calls)


@given(st.lists(event, max_size=30), st.integers(0, 400))
def test_an_answer_comes_back_as_it_was(events: list[Event], compress_above_bytes: int) -> None:
    """Whatever it is made of, packed or not; in fewer events, never in more."""
    answer = stored(pieces_of(events), model="m", service_tier="flex", nanos=2**60)
    value = encode_answer(answer, 10**6, compress_above_bytes)
    assert value is not None
    found = decode_answer(value, KEY, 10**6)
    assert found == answer
    assert folded(found.events()) == folded(events)
    assert len(found.pieces) <= len(events)


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"1z" + tail))
def test_any_bytes_are_safe(value: bytes) -> None:
    """They are refused by one kind of error."""
    with pytest.raises(ValueError):
        decode_answer(value, KEY, 1000)


@given(st.data())
def test_a_damaged_answer_is_refused_or_whole(data: st.DataObject) -> None:
    """Packed bytes have a checksum; one that is cut has no end."""
    answer = stored([("text", "abc" * 100)])
    value = encode_answer(answer, 10**6, 0)
    assert value is not None
    position = data.draw(st.integers(2, len(value) - 1))
    with pytest.raises(ValueError):
        decode_answer(value[:position], KEY, 10**6)
    damaged = bytearray(value)
    damaged[position] ^= data.draw(st.integers(1, 255))
    with suppress(ValueError):  # some bits say nothing
        assert decode_answer(bytes(damaged), KEY, 10**6) == answer


def test_an_answer_to_another_request_is_none() -> None:
    """Whatever mixed up the keys: a store, a connection, an operator."""
    value = encode_answer(stored([("text", "yours")]), 10**6, 10**6)
    assert value is not None
    with pytest.raises(ValueError, match="another request"):
        decode_answer(value, "j" * 64, 10**6)


@pytest.mark.parametrize("damaged", [b'["text","private",5]', b'["text","priv', b'["speech","private"]'])
def test_the_sentence_about_a_damaged_answer_holds_nothing_of_it(damaged: bytes) -> None:
    """It goes into the log."""
    value = encode_answer(stored([("text", "private")]), 10**6, 10**6)
    assert value is not None
    with pytest.raises(ValueError) as caught:
        decode_answer(value.replace(b'["text","private"]', damaged), KEY, 10**6)
    assert "priv" not in str(caught.value)


def test_a_small_value_cannot_fill_the_memory() -> None:
    """What unpacks to more than the bound is refused before it is there."""
    value = encode_answer(stored([("text", "a" * 10**6)]), 2 * 10**6, 0)
    assert value is not None
    assert len(value) < 10_000
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        decode_answer(value, KEY, 1000)


def test_an_answer_above_the_bound_has_no_bytes() -> None:
    """The bound counts JSON, packed or not."""
    assert encode_answer(stored([("text", "a" * 1000)]), 1000, 0) is None
