"""Vectors of embeddings as text: base64 of little-endian float32, a third of the size of JSON numbers.

OpenAI's embeddings have the same form with `encoding_format: base64`.
"""

import struct
from base64 import b64decode, b64encode
from collections.abc import Sequence

__all__ = ["decode_vector", "encode_vector", "vector_characters"]


def encode_vector(numbers: Sequence[float]) -> str:
    """The text of a vector. Each number is rounded to the nearest float32.

    Raises:
        OverflowError: a number is beyond the range of float32.
        TypeError: one of them is no number.
    """
    try:
        return b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
    except struct.error as exc:
        raise TypeError(f"numbers expected: {exc}") from exc


def decode_vector(text: str) -> list[float]:
    """The numbers of a vector.

    Raises:
        ValueError: the text is none.
    """
    packed = b64decode(text, validate=True)
    if len(packed) % 4:
        raise ValueError("no whole number of float32")
    return list(struct.unpack(f"<{len(packed) // 4}f", packed))


def vector_characters(dimensions: int) -> int:
    """Length of the text of a vector of so many numbers: four characters for each three bytes, the last ones filled."""
    return (4 * dimensions + 2) // 3 * 4
