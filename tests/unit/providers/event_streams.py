"""Event streams by the letter of the HTML standard, slowly: what our decoder is compared with."""

__all__ = ["events_of"]


def events_of(stream: bytes) -> list[tuple[bytes, bytes]]:
    """The standard's algorithm, word by word, over the whole stream at once."""
    text = stream.removeprefix(b"\xef\xbb\xbf")
    lines: list[bytes] = []
    line = bytearray()
    position = 0
    while position < len(text):
        byte = text[position : position + 1]
        position += 1
        if byte in (b"\r", b"\n"):
            if byte == b"\r" and text[position : position + 1] == b"\n":
                position += 1
            lines.append(bytes(line))
            line.clear()
        else:
            line += byte
    events: list[tuple[bytes, bytes]] = []
    name, data = b"", b""
    for full in lines:
        if not full:
            if data:
                events.append((name or b"message", data[:-1]))
            name, data = b"", b""
            continue
        field, colon, value = full.partition(b":")
        if colon and value.startswith(b" "):
            value = value[1:]
        if field == b"data":
            data += value + b"\n"
        elif field == b"event":
            name = value
    return events
