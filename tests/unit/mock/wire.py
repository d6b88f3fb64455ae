"""A client of the mock provider on raw sockets: what came, how it ended, and what the bill says of it."""

import asyncio
import contextlib
import gzip
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from streamproc.mock.server import MockServer
from streamproc.mock.stats import Call
from tests.unit.mock.exchange import rendered

__all__ = ["ASKED", "MODES", "SHAPES_OF_PATHS", "Shown", "body_for", "show"]

_QUESTION = [{"role": "user", "content": "five words are asked here"}]

ASKED: Mapping[str, dict[str, Any]] = MappingProxyType(
    {
        "/v1/chat/completions": {"messages": _QUESTION, "stream_options": {"include_usage": True}},
        "/v1/responses": {"input": "five words are asked here"},
        "/v1/completions": {"prompt": "five words are asked here", "stream_options": {"include_usage": True}},
        "/v1/messages": {"messages": _QUESTION, "max_tokens": 100},
        "/api/chat": {"messages": _QUESTION},
        "/api/generate": {"prompt": "five words are asked here"},
        "/v1/embeddings": {"input": ["five words", "are asked here"]},
        "/api/embed": {"input": "five words are asked here"},
    }
)
"""What a request to each path holds beside model and `stream`; each has five words."""

SHAPES_OF_PATHS: Mapping[str, str] = MappingProxyType(
    {
        "/v1/chat/completions": "openai_chat",
        "/v1/responses": "openai_responses",
        "/v1/completions": "openai_completions",
        "/v1/messages": "anthropic",
        "/api/chat": "ollama_chat",
        "/api/generate": "ollama_generate",
        "/v1/embeddings": "openai_embeddings",
        "/api/embed": "ollama_embed",
    }
)

MODES = tuple(
    (path, is_streamed) for path in ASKED for is_streamed in (True, False) if "embed" not in path or not is_streamed
)
"""Every path, streamed and whole."""

_QUIET_SECONDS, _QUIET_WAITS = 0.02, 3

End = Literal["end", "reset", "open"]


@dataclass(slots=True)
class Shown:
    """A response as it was on the wire. `end` is `open` when the client went away first."""

    path: str
    is_streamed: bool
    raw: bytes
    end: End
    call: Call
    head: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    chunks: tuple[bytes, ...] = ()
    is_whole: bool = False

    def __post_init__(self) -> None:
        head, found, rest = self.raw.partition(b"\r\n\r\n")
        if not found:
            return
        self.head, *lines = head.decode().split("\r\n")
        self.headers = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if "content-length" in self.headers:
            self.body, self.is_whole = rest, len(rest) == int(self.headers["content-length"])
        else:
            self.chunks, self.is_whole = _chunks(rest)
            self.body = b"".join(self.chunks)

    @property
    def status(self) -> int:
        return int(self.head.split()[1])

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def content(self) -> bytes:
        return gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body

    def events(self) -> list[tuple[str | None, bytes]]:
        """Name and data of each event of a stream; lines of NDJSON have no name."""
        if self.path.startswith("/api"):
            return [(None, line) for line in self.content.split(b"\n") if line]
        found = []
        for block in self.content.split(b"\n\n")[:-1]:
            fields = dict(line.split(b": ", 1) for line in block.split(b"\n"))
            name = fields.get(b"event")
            found.append((name.decode() if name else None, fields.get(b"data", b"")))
        return found

    def objects(self) -> list[dict[str, Any]]:
        """The events' JSON, without what is none."""
        found = []
        for _, data in self.events():
            with contextlib.suppress(ValueError):
                found.append(json.loads(data))
        return found


def _chunks(rest: bytes) -> tuple[tuple[bytes, ...], bool]:
    """The chunks as far as they are well formed, and whether the end mark came."""
    found: list[bytes] = []
    while b"\r\n" in rest:
        size, _, rest = rest.partition(b"\r\n")
        try:
            length = int(size, 16)
        except ValueError:
            break
        if length == 0:
            return tuple(found), rest == b"\r\n"
        if rest[length : length + 2] != b"\r\n":
            break
        found.append(rest[:length])
        rest = rest[length + 2 :]
    return tuple(found), False


def body_for(path: str, model: str, *, is_streamed: bool, **more: Any) -> bytes:
    """The body of a request."""
    return json.dumps({"model": model, "stream": is_streamed, **ASKED[path], **more}).encode()


async def show(mock: MockServer, path: str, model: str, *, is_streamed: bool, until: bytes | None = None) -> Shown:
    """One request on a connection of its own.

    Args:
        mock: the server.
        path: of the API.
        model: its name.
        is_streamed: whether events are asked for.
        until: the client goes away when these bytes came; empty ones: after a while in which nothing came.
    """
    sent = rendered(body_for(path, model, is_streamed=is_streamed), path=path, more="connection: close\r\n")
    raw, end = await _exchanged(mock, sent, until)
    async with asyncio.timeout(10):
        while mock.stats.snapshot()["running"]:  # noqa: ASYNC110 a client has no event to wait for
            await asyncio.sleep(0.002)
    return Shown(path, is_streamed, raw, end, mock.stats.calls[-1])


async def _exchanged(mock: MockServer, sent: bytes, until: bytes | None) -> tuple[bytes, End]:
    loop, raw, quiet = asyncio.get_running_loop(), bytearray(), 0
    with socket.socket() as client:
        client.setblocking(False)
        await loop.sock_connect(client, (mock.host, mock.port))
        await loop.sock_sendall(client, sent)
        # Several short waits, not a long one: a process that got no processor time wakes up to one of them at most.
        while quiet < _QUIET_WAITS and not (until and until in raw):
            try:
                async with asyncio.timeout(_QUIET_SECONDS if until == b"" else 10):
                    received = await loop.sock_recv(client, 1 << 20)
            except ConnectionResetError:
                return bytes(raw), "reset"
            except TimeoutError:
                assert until == b"", bytes(raw)
                quiet += 1
                continue
            if not received:
                return bytes(raw), "end"
            raw += received
            quiet = 0
    return bytes(raw), "open"
