"""Newline-delimited JSON from bytes, without I/O: complete lines come out, however the bytes were cut into chunks.

The form is that of https://github.com/ndjson/ndjson-spec: every text is ended by a line feed, a carriage return
before it is white space. What is left without its line feed at the end is unfinished.
"""

from streamproc.providers.framing import PayloadTooLarge

__all__ = ["NdjsonDecoder"]


class NdjsonDecoder:
    """Turns chunks of bytes into lines; at most `max_line_bytes` are held for an unfinished one."""

    def __init__(self, max_line_bytes: int) -> None:
        self._max_line_bytes = max_line_bytes
        self._pieces: list[bytes] = []
        self._held_bytes = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that this chunk completes, without those that are blank.

        Raises:
            PayloadTooLarge: one line is above the limit; the decoder is of no use afterwards.
        """
        *lines, rest = chunk.split(b"\n")
        if lines and self._pieces:
            lines[0] = b"".join((*self._pieces, lines[0]))
            self._pieces.clear()
            self._held_bytes = 0
        if any(len(line) > self._max_line_bytes for line in lines):
            raise self._too_large()
        if rest:
            self._held_bytes += len(rest)
            if self._held_bytes > self._max_line_bytes:
                raise self._too_large()
            self._pieces.append(rest)
        return [line for line in lines if line and not line.isspace()]

    def _too_large(self) -> PayloadTooLarge:
        return PayloadTooLarge(f"a line is longer than {self._max_line_bytes} bytes")
