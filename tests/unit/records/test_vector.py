"""Vectors as text: the form that OpenAI's embeddings have with `encoding_format: base64`."""

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.records.vector import decode_vector, encode_vector


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=20))
def test_a_vector_reads_back(numbers: list[float]) -> None:
    """Each number, also where its last bits count."""
    assert decode_vector(encode_vector(numbers)) == numbers


def test_the_text_is_little_endian_float32() -> None:
    """So that a provider's base64 passes through as it is."""
    assert encode_vector((1.0, -2.5)) == base64.b64encode(struct.pack("<2f", 1.0, -2.5)).decode()


@pytest.mark.parametrize("text", ["AAA", "AAAAAAA=", "ä", "AA AAAA="])
def test_text_that_is_no_vector_is_refused(text: str) -> None:
    """Not base64, or no whole number of floats."""
    with pytest.raises(ValueError):
        decode_vector(text)


def test_a_number_beyond_float32_is_refused() -> None:
    """It has no form there: infinity would be another vector."""
    with pytest.raises(OverflowError):
        encode_vector((1e300,))
