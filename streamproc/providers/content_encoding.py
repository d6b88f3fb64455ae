"""Undoes a response's content-encoding piece by piece, for servers that compress although they were asked not to."""

import zlib

__all__ = ["Inflate"]

_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_PIECE_BYTES = 2**16


class Inflate:
    """Inflates gzip or deflate; a piece that comes out has at most 64 KiB, however far it was compressed."""

    def __init__(self, encoding: str) -> None:
        """Starts.

        Raises:
            ValueError: the encoding is not known.
        """
        window = _WINDOWS.get(encoding.strip().lower())
        if window is None:
            raise ValueError("a content-encoding that is not known")
        self._inflate = zlib.decompressobj(window)

    def feed(self, chunk: bytes) -> bytes:
        """Bytes of this chunk, or of the rest of the one before when it is empty. Empty: needs more.

        Raises:
            ValueError: the bytes are not in this encoding, or come after its end.
        """
        if self._inflate.eof and chunk:
            raise ValueError("the body goes on behind the end of its content-encoding")  # zlib would keep it all
        try:
            return self._inflate.decompress(self._inflate.unconsumed_tail + chunk, _PIECE_BYTES)
        except zlib.error as exc:
            raise ValueError(f"the body does not follow its content-encoding: {exc}") from exc

    @property
    def is_complete(self) -> bool:
        """Whether the compressed data came to its end."""
        return self._inflate.eof
