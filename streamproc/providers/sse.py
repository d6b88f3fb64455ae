"""Server-sent events from bytes, without I/O: complete events come out, however the bytes were cut into chunks.

The rules are those of the HTML standard, section "Parsing an event stream"
(https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation). What they drop without
a trace (comments, `id`, `retry`, an event without data, an unfinished event at the end) is dropped here too.
"""

from streamproc.providers.framing import PayloadTooLarge

__all__ = ["SseDecoder"]

_BOM = b"\xef\xbb\xbf"
_LF = 0x0A
_DATA = b"\ndata: "


class SseDecoder:
    """Turns chunks of bytes into the data of events; at most `max_event_bytes` are held for an unfinished one."""

    def __init__(self, max_event_bytes: int) -> None:
        self._max_event_bytes = max_event_bytes
        self._head: bytes | None = b""  # bytes that may be the start of a byte order mark; None after the start
        self._after_cr = False
        self._pieces: list[bytes] = []
        self._held_bytes = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of the events that this chunk completes, lines joined by LF, still encoded.

        Raises:
            PayloadTooLarge: one event is above the limit; the decoder is of no use afterwards.
        """
        # Nearly always a chunk is one whole event in one line, and nothing is left of the one before.
        if (
            chunk[:6] == b"data: "
            and chunk.find(b"\n") == len(chunk) - 2
            and chunk[-1] == _LF
            and not self._pieces
            and self._head is None
            and b"\r" not in chunk
            and len(chunk) <= self._max_event_bytes
        ):
            return [chunk[6:-2]]
        found = []
        for block in self._blocks(chunk):
            if block.startswith(b"data: ") and b"\n" not in block:
                found.append(block[6:])
            elif block.startswith(b"event: ") and block.count(b"\n") == 1 and (data := block.partition(_DATA)[2]):
                found.append(data)  # a name before it, as Responses and Messages have it
            elif (lines := _fields(block)[1]) is not None:
                found.append(lines)
        return found

    def feed_named(self, chunk: bytes) -> list[tuple[bytes, bytes]]:
        """As `feed`, each with the event's name before it; an event without a name is a `message`.

        Raises:
            PayloadTooLarge: one event is above the limit; the decoder is of no use afterwards.
        """
        fields = (_fields(block) for block in self._blocks(chunk))
        return [(name or b"message", data) for name, data in fields if data is not None]

    def _blocks(self, chunk: bytes) -> list[bytes]:
        """Groups of lines that a blank line ended; every line end is an LF by now."""
        if self._head is not None:
            chunk = self._without_mark(chunk)
        if self._after_cr or b"\r" in chunk:
            chunk = self._with_line_feeds(chunk)
        if not chunk:
            return []
        if self._pieces:
            # Looked for in the new bytes alone, so that an event in many chunks costs no quadratic time.
            if b"\n\n" not in chunk and not (chunk[0] == _LF and self._pieces[-1][-1] == _LF):
                self._hold(chunk)
                return []
            chunk = b"".join((*self._pieces, chunk))
            self._pieces.clear()
            self._held_bytes = 0
        blocks = chunk.split(b"\n\n")
        rest = blocks.pop()
        if len(chunk) > self._max_event_bytes and any(len(block) > self._max_event_bytes for block in blocks):
            raise self._too_large()
        if rest:
            self._hold(rest)
        return blocks

    def _hold(self, piece: bytes) -> None:
        self._held_bytes += len(piece)
        if self._held_bytes > self._max_event_bytes:
            raise self._too_large()
        self._pieces.append(piece)

    def _too_large(self) -> PayloadTooLarge:
        return PayloadTooLarge(f"an event is longer than {self._max_event_bytes} bytes")

    def _without_mark(self, chunk: bytes) -> bytes:
        chunk = (self._head or b"") + chunk
        if len(chunk) < len(_BOM) and _BOM.startswith(chunk):
            self._head = chunk
            return b""
        self._head = None
        return chunk.removeprefix(_BOM)

    def _with_line_feeds(self, chunk: bytes) -> bytes:
        # A CR ends its line at once; an LF that follows, even in the next chunk, belongs to it.
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if chunk:
            self._after_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _fields(block: bytes) -> tuple[bytes, bytes | None]:
    """Name and data of an event; data is None when it has no data line."""
    name = b""
    lines: list[bytes] = []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"data":
            lines.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
    return name, b"\n".join(lines) if lines else None
