"""Framing: how the payloads of a streamed answer are cut out of its bytes."""

from collections.abc import Sequence
from typing import Protocol

__all__ = ["Decoder", "PayloadTooLarge"]


class PayloadTooLarge(ValueError):
    """A payload is longer than the decoder may hold; the decoder is of no use afterwards."""


class Decoder(Protocol):
    """Gives complete payloads, however their bytes were cut into chunks."""

    def feed(self, chunk: bytes) -> Sequence[bytes]:
        """The payloads that these bytes complete.

        Raises:
            PayloadTooLarge: one of them is longer than it may be.
        """
        ...
