"""How dead letters look: lines, JSON, and the original's bytes."""

import base64
from collections.abc import Iterator, Sequence
from typing import Any

from streamproc.cli.show import printable
from streamproc.kafka.letter import Letter, Original
from streamproc.records.codec import rfc3339

__all__ = ["as_json", "body", "head", "lines"]

_REASON_CHARACTERS = 200
_SHORTEST_REASON = 40
_HEX_BYTES = 16


def lines(letters: Sequence[Letter], width: int | None) -> Iterator[str]:
    """One line for each letter: run id, time, tenant, code, size, reason.

    Args:
        letters: in their order.
        width: of the terminal: columns are aligned and reasons cut to it. None parts the fields by tabs.
    """
    rows = [(*_fields(letter), _one_line(letter.told.reason)) for letter in letters]
    if width is None:
        yield from ("\t".join((*fields, _cut(reason, _REASON_CHARACTERS))) for *fields, reason in rows)
        return
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(5)]
    room = max(width - sum(widths) - 2 * len(widths), _SHORTEST_REASON)
    for *fields, reason in rows:
        padded = [field.ljust(size) for field, size in zip(fields[:4], widths[:4], strict=True)]
        yield "  ".join((*padded, fields[4].rjust(widths[4]), _cut(reason, room)))


def _fields(letter: Letter) -> tuple[str, str, str, str, str]:
    told = letter.told
    return told.run_id, rfc3339(letter.written_ms / 1000), letter.tenant or "-", told.code, str(letter.size_bytes)


def _one_line(text: str) -> str:
    return " ".join(printable(text).split())


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1] + "\N{HORIZONTAL ELLIPSIS}"


def as_json(letter: Letter) -> dict[str, Any]:
    """Everything but the value. Bytes are texts, or `{"base64": ...}` where they are no UTF-8."""
    original, reference = letter.original, letter.reference
    return {
        "run_id": letter.told.run_id,
        "time": rfc3339(letter.written_ms / 1000),
        "tenant": letter.tenant,
        "code": letter.told.code,
        "reason": letter.told.reason,
        "size_bytes": letter.size_bytes,
        "topic": letter.told.topic,
        "partition": letter.told.partition,
        "offset": letter.told.offset,
        "timestamp_ms": letter.told.timestamp_ms,
        "key": None if original is None else _text_or_base64(original.key),
        "headers": None if original is None else [[name, _text_or_base64(value)] for name, value in original.headers],
        "reference": None if reference is None else reference.model_dump(mode="json"),
    }


def _text_or_base64(content: bytes | None) -> str | dict[str, str] | None:
    if content is None:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}


def head(letter: Letter, original: Original | None) -> Iterator[str]:
    """What is known about a letter, and the original's key and headers, where the original is there."""
    run_id, time, tenant, code, size = _fields(letter)
    yield f"run id    {run_id}"
    yield f"refused   {time}"
    yield f"tenant    {tenant}"
    yield f"code      {code}"
    yield f"reason    {_one_line(letter.told.reason)}"
    if original is not None:
        yield f"key       {_shown(original.key)}"
        for name, value in original.headers:
            yield f"header    {_one_line(name)}: {_shown(value)}"
    yield f"size      {size} bytes"


def _shown(content: bytes | None) -> str:
    if content is None:
        return "-"
    try:
        return _one_line(content.decode())
    except UnicodeDecodeError:
        return f"0x{content.hex()}"


def body(value: bytes | None) -> Iterator[str]:
    """The original's value: text where it is UTF-8, else lines of offset, bytes in hexadecimal, and ASCII."""
    if not value:
        yield "(no value)" if value is None else "(empty)"
        return
    try:
        yield printable(value.decode())
    except UnicodeDecodeError:
        for begin in range(0, len(value), _HEX_BYTES):
            piece = value[begin : begin + _HEX_BYTES]
            signs = "".join(chr(byte) if chr(byte).isascii() and chr(byte).isprintable() else "." for byte in piece)
            yield f"{begin:08x}  {piece.hex(' '):<{3 * _HEX_BYTES - 1}}  {signs}"
