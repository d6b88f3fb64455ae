"""Bytes of a connection as requests, and answers as bytes. No length and no count is believed before it is checked."""

import struct
from io import BytesIO
from typing import Any, NamedTuple

from aiokafka.protocol.types import Array, Int32, Schema

__all__ = ["MAX_FRAME_BYTES", "BadRequest", "Frames", "Request", "decoded", "framed", "request_of"]

MAX_FRAME_BYTES = 100 * 1024 * 1024
"""Kafka's default of `socket.request.max.bytes`."""

_MAX_ELEMENTS = 100_000
"""Of all arrays of one request. A request that names every partition of this broker has a tenth of it."""

# Number of the API and aiokafka's name of the field; from the "nullableVersions" of Kafka's message definitions.
_NULLABLE = frozenset(
    {
        (0, "transactional_id"),
        (0, "messages"),
        (3, "topics"),
        (8, "metadata"),
        (9, "topics"),
        (11, "group_instance_id"),
        (14, "group_instance_id"),
        (19, "config_value"),
        (22, "transactional_id"),
        (28, "metadata"),
        (32, "config_names"),
        (33, "config_value"),
    }
)

_LENGTH = struct.Struct(">i")
_HEADER = struct.Struct(">hhih")


class BadRequest(Exception):
    """A request that cannot be answered: all that is left is to close its connection."""


class Request(NamedTuple):
    """A request whose body is not read yet."""

    api_key: int
    api_version: int
    correlation: int
    client_id: str
    body: bytes


class Frames:
    """Cuts a stream of bytes into frames: four bytes of length, then so many bytes."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def size(self) -> int:
        """Bytes that were fed and not taken."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Adds bytes at the end."""
        self._buffer += data

    def drop(self) -> None:
        """Gives all bytes back that were fed and not taken."""
        self._buffer = bytearray()

    def take(self) -> bytes | None:
        """The next frame without its length, or None while it is not complete.

        Raises:
            BadRequest: the length is negative, or above `MAX_FRAME_BYTES`.
        """
        if len(self._buffer) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._buffer)
        if not 0 <= length <= MAX_FRAME_BYTES:
            raise BadRequest(f"a frame of {length} bytes")
        end = _LENGTH.size + length
        if len(self._buffer) < end:
            return None
        with memoryview(self._buffer) as view:
            frame = bytes(view[_LENGTH.size : end])
        del self._buffer[:end]
        return frame


def request_of(frame: bytes) -> Request:
    """Reads the header, version 1, which later versions only add to.

    Raises:
        BadRequest: there is no header, or the client's id is no text.
    """
    try:
        api_key, api_version, correlation, length = _HEADER.unpack_from(frame)
        end = _HEADER.size + max(length, 0)
        if end > len(frame):
            raise BadRequest("a client id that is cut off")
        return Request(api_key, api_version, correlation, frame[_HEADER.size : end].decode(), frame[end:])
    except (struct.error, UnicodeDecodeError) as error:
        raise BadRequest(f"no request header: {error}") from error


def decoded(struct_type: Any, body: bytes) -> Any:
    """The body as one of aiokafka's request structs.

    Raises:
        BadRequest: it does not have this struct's fields, or null where there must be a value.
    """
    decoding = _Decoding(struct_type.API_KEY, BytesIO(body))
    try:
        return struct_type(*decoding.fields(struct_type.SCHEMA))
    except ValueError as error:
        raise BadRequest(f"no {struct_type.__name__}: {error}") from error


def framed(correlation: int, body: bytes) -> bytes:
    """An answer with its length and its header."""
    return b"".join((_LENGTH.pack(_LENGTH.size + len(body)), _LENGTH.pack(correlation), body))


class _Decoding:
    """One body; aiokafka's own way to decode takes any count of elements, and null everywhere."""

    def __init__(self, api_key: int, rest: BytesIO) -> None:
        self._api_key = api_key
        self._rest = rest
        self._elements = 0

    def fields(self, schema: Schema) -> tuple[Any, ...]:
        return tuple(self._value(name, field) for name, field in zip(schema.names, schema.fields, strict=True))

    def _value(self, name: str, field: Any) -> Any:
        if isinstance(field, Schema):
            return self.fields(field)
        value = self._array(field) if isinstance(field, Array) else field.decode(self._rest)
        if value is None and (self._api_key, name) not in _NULLABLE:
            raise ValueError(f"{name or 'an element'} is null")
        return value

    def _array(self, field: Array) -> list[Any] | None:
        count = Int32.decode(self._rest)
        if count == -1:
            return None
        self._elements += count
        if count < 0 or self._elements > _MAX_ELEMENTS:
            raise ValueError(f"an array of {count} elements")
        return [self._value("", field.array_of) for _ in range(count)]
