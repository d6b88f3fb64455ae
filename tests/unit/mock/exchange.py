"""A client of the mock provider on raw bytes."""

import asyncio
import json
from typing import Any

from streamproc.mock.server import MockServer

__all__ = ["BODY", "STREAM", "ask", "events", "exchange", "rendered", "running"]

QUESTION: list[Any] = [
    {"role": "system", "content": "be  short"},
    {"role": "user", "content": [{"type": "text", "text": "three more words"}]},
]
BODY: dict[str, Any] = {"model": "mock-t5-i1-f1", "messages": QUESTION}
STREAM: dict[str, Any] = BODY | {"stream": True, "stream_options": {"include_usage": True}}


def rendered(body: bytes, *, path: str = "/v1/chat/completions", method: str = "POST", more: str = "") -> bytes:
    """A request as bytes; `more` are further header lines."""
    return f"{method} {path} HTTP/1.1\r\nhost: mock\r\n{more}content-length: {len(body)}\r\n\r\n".encode() + body


async def exchange(mock: MockServer, sent: bytes) -> bytes:
    """Sends bytes, and reads until the server closes."""
    reader, writer = await asyncio.open_connection(mock.host, mock.port)
    writer.write(sent)
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


async def ask(mock: MockServer, body: dict[str, Any] | bytes, **request: Any) -> bytes:
    """One request on a connection of its own."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await exchange(mock, rendered(content, more="connection: close\r\n", **request))


def unchunked(body: bytes) -> tuple[bytes, bool]:
    """The content of a chunked body, and whether its end mark came."""
    content, place = [], 0
    while place < len(body):
        start = body.index(b"\r\n", place) + 2
        length = int(body[place:start], 16)
        content.append(body[start : start + length])
        place = start + length + 2
        assert body[place - 2 : place] == b"\r\n"
        if length == 0:
            assert place == len(body)
            return b"".join(content), True
    return b"".join(content), False


def events(response: bytes) -> tuple[list[Any], bool]:
    """The events of a streamed answer, and whether its body came to its end."""
    head, _, body = response.partition(b"\r\n\r\n")
    assert b"200 OK" in head
    assert b"text/event-stream" in head
    content, is_whole = unchunked(body)
    *lines, end = content.split(b"\n\n")
    assert end == b""
    data = [line.removeprefix(b"data: ") for line in lines]
    return [entry.decode() if entry == b"[DONE]" else json.loads(entry) for entry in data], is_whole


async def running(mock: MockServer, calls: int) -> None:
    """Waits until that many calls are running."""
    async with asyncio.timeout(10):
        while mock.stats.snapshot()["running"] != calls:  # noqa: ASYNC110 a client has no event to wait for
            await asyncio.sleep(0.005)
