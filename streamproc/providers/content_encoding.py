"""Undoes a response's content-encoding piece by piece, for servers that compress although they were asked not to."""

import zlib

__all__ = ["Inflate"]

_GZIP = 31  # as zlib numbers it
_MEMBER = b"\x1f"  # its first byte
_WINDOWS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": 15}
_PIECE_BYTES = 2**16


class Inflate:
    """Inflates gzip or deflate; a piece that comes out has at most 64 KiB, however far it was compressed.

    A gzip body may be several members one behind the other (RFC 1952, section 2.2); they are read as one.
    """

    def __init__(self, encoding: str) -> None:
        """Starts.

        Raises:
            ValueError: the encoding is not known.
        """
        window = _WINDOWS.get(encoding.strip().lower())
        if window is None:
            raise ValueError("a content-encoding that is not known")
        self._window = window
        self._inflate = zlib.decompressobj(window)
        self._rest = b""  # came, and is not inflated yet

    def feed(self, chunk: bytes) -> bytes:
        """Bytes of this chunk, or of the rest of the one before when it is empty. Empty: needs more.

        Raises:
            ValueError: the bytes are not in this encoding, or come after its end.
        """
        rest = self._rest + chunk
        while True:
            if self._inflate.eof and rest:
                if self._window != _GZIP or not rest.startswith(_MEMBER):
                    raise ValueError("the body goes on behind the end of its content-encoding")
                self._inflate = zlib.decompressobj(self._window)
            try:
                piece = self._inflate.decompress(rest, _PIECE_BYTES)
            except zlib.error as exc:
                raise ValueError(f"the body does not follow its content-encoding: {exc}") from exc
            is_over = self._inflate.eof
            rest = self._rest = self._inflate.unused_data if is_over else self._inflate.unconsumed_tail
            if piece or not (is_over and rest):
                return piece

    @property
    def is_complete(self) -> bool:
        """Whether the compressed data came to its end."""
        return self._inflate.eof and not self._rest
