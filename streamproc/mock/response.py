"""HTTP/1.1 responses as bytes: a head for a stream of chunks, or a whole response."""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

__all__ = ["Fields", "Reply", "render_head", "render_reply"]

Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole response. `fields` are further lines of its head."""

    status: int
    body: bytes
    fields: Fields = ()
    content_type: str = "application/json"


def render_head(
    status: int, content_type: str, fields: Iterable[tuple[str, str]], *, length: int | None, keeps_alive: bool
) -> bytes:
    """Status line and fields. None for the length says that the body comes in chunks."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Error"  # a status that no RFC names
    size = ("transfer-encoding", "chunked") if length is None else ("content-length", str(length))
    lines = [f"HTTP/1.1 {status} {phrase}", f"content-type: {content_type}", f"{size[0]}: {size[1]}"]
    lines += [f"{name}: {value}" for name, value in fields]
    if not keeps_alive:
        lines.append("connection: close")
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def render_reply(reply: Reply, *, keeps_alive: bool) -> bytes:
    """Head and body."""
    return (
        render_head(reply.status, reply.content_type, reply.fields, length=len(reply.body), keeps_alive=keeps_alive)
        + reply.body
    )
