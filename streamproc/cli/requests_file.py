"""Requests of a file that commands count and price, without Kafka and without a call."""

from dataclasses import dataclass

from streamproc.cli.input_lines import name_of, parse_lines, read_lines
from streamproc.errors import SetupError
from streamproc.records.codec import RequestDecoder
from streamproc.records.request import Request
from streamproc.settings.settings import Settings

__all__ = ["FileRequest", "output_limit", "read_requests"]


@dataclass(frozen=True, slots=True)
class FileRequest:
    """A request, and the length of its record."""

    request: Request
    size_bytes: int


def read_requests(file: str, settings: Settings) -> list[FileRequest]:
    """The requests of a JSONL file, in all forms that workers take; `-` is standard input.

    Raises:
        SetupError: the file cannot be read, holds no request, or lines of it are wrong: their numbers are told.
    """
    limits = settings.limits
    decoder = RequestDecoder(
        max_bytes=limits.max_request_bytes,
        max_messages=limits.max_messages,
        max_output_tokens=limits.max_output_tokens,
    )

    def request(content: bytes) -> FileRequest:
        return FileRequest(decoder.decode(content), len(content))

    found = parse_lines(read_lines(file), request, f"{name_of(file)} has wrong lines")
    if not found:
        raise SetupError(f"{name_of(file)} holds no request: put one JSON object on each line")
    return found


def output_limit(request: Request, settings: Settings) -> int:
    """The most tokens that an answer may have."""
    if request.input is not None:
        return 0
    return request.max_output_tokens or settings.limits.default_output_tokens
