"""Vectors of embeddings as text: base64 of little-endian float32, a third of the size of JSON numbers.

OpenAI's embeddings have the same form with `encoding_format: base64`.
"""

import sys
from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterable

__all__ = ["decode_vector", "encode_vector"]


def encode_vector(numbers: Iterable[float]) -> str:
    """The text of a vector. Each number is rounded to the nearest float32.

    Raises:
        OverflowError: a number is beyond the range of float32.
    """
    vector = array("f", numbers)
    if sys.byteorder == "big":
        vector.byteswap()
    return b64encode(vector.tobytes()).decode()


def decode_vector(text: str) -> list[float]:
    """The numbers of a vector.

    Raises:
        ValueError: the text is none.
    """
    vector = array("f")
    vector.frombytes(b64decode(text, validate=True))
    if sys.byteorder == "big":
        vector.byteswap()
    return vector.tolist()
