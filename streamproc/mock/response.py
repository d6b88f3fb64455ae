"""HTTP/1.1 responses as bytes: a head for a stream of chunks, or a whole response."""

from dataclasses import dataclass
from http import HTTPStatus

__all__ = ["Reply", "render_reply", "render_stream_head"]


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole JSON response."""

    status: int
    body: bytes
    call_id: str | None = None
    retry_after_seconds: float | None = None


def _fields(call_id: str | None, *, keeps_alive: bool) -> str:
    identity = f"x-request-id: {call_id}\r\n" if call_id else ""
    return identity + ("" if keeps_alive else "connection: close\r\n")


def render_reply(reply: Reply, *, keeps_alive: bool) -> bytes:
    """Head and body."""
    try:
        phrase = HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = "Error"  # a status that no RFC names
    hint = "" if reply.retry_after_seconds is None else f"retry-after: {reply.retry_after_seconds:g}\r\n"
    head = (
        f"HTTP/1.1 {reply.status} {phrase}\r\ncontent-type: application/json\r\ncontent-length: {len(reply.body)}\r\n"
        f"{hint}{_fields(reply.call_id, keeps_alive=keeps_alive)}\r\n"
    )
    return head.encode("ascii") + reply.body


def render_stream_head(call_id: str, *, keeps_alive: bool) -> bytes:
    """The head of a response whose events follow as chunks."""
    return (
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
        f"transfer-encoding: chunked\r\n{_fields(call_id, keeps_alive=keeps_alive)}\r\n"
    ).encode("ascii")
