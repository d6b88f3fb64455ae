"""A provider made of exact bytes: what it sends, and how it lets go, is up to the test."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, Literal

import orjson

from streamproc.chain.call import Call
from streamproc.chain.provider import Event, Provider, Text, Told
from streamproc.errors import StreamprocError
from streamproc.providers.dialect import Dialect
from streamproc.providers.http_provider import HttpProvider
from streamproc.providers.openai_chat import OpenAIChat
from streamproc.providers.transport import Transport
from streamproc.settings.provider import TimeoutSettings

__all__ = [
    "DONE",
    "END",
    "FINISH",
    "STREAM",
    "USAGE",
    "Connection",
    "Engine",
    "RawProvider",
    "chunked",
    "event",
    "first",
    "outcome",
    "provider_at",
    "raw_provider",
    "response",
    "token",
]

Engine = Literal["httptools", "httpx"]
KEY = "sk-made-up-key-000"


class Connection:
    """One connection of a client, after a whole request of it was read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.head = b""
        self.body: Any = None
        self.is_open = True

    async def read_request(self) -> bool:
        """Reads a request; False when the client is gone."""
        try:
            self.head = await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return False
        length = next(line for line in self.head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        self.body = orjson.loads(await self._reader.readexactly(int(length.split(b":")[1])))
        return True

    async def send(self, *pieces: bytes, pause_seconds: float = 0.0) -> None:
        """Sends the pieces, each on its own."""
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()
            if pause_seconds:
                await asyncio.sleep(pause_seconds)

    def close(self) -> None:
        """Closes in order, after everything was sent."""
        self.is_open = False
        self._writer.close()

    def reset(self) -> None:
        """Lets go with a RST."""
        self.is_open = False
        linger = struct.pack("ii", 1, 0)
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._writer.transport.abort()

    async def closed_by_client(self) -> bool:
        """Waits until the client closes or resets; False when it does not within seconds."""
        with contextlib.suppress(ConnectionError):
            try:
                async with asyncio.timeout(5):
                    return await self._reader.read(1) == b""
            except TimeoutError:
                return False
        return True

    async def hold(self) -> None:
        """Says nothing until the client goes."""
        with contextlib.suppress(ConnectionError):
            await self._reader.read(1)
        self.close()


Behaviour = Callable[[Connection], Awaitable[None]]


class RawProvider:
    """What a test can see of the server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connections: list[Connection] = []
        self.requests: list[Connection] = []
        self.asked = asyncio.Event()  # the first request is here


@asynccontextmanager
async def raw_provider(behaviour: Behaviour) -> AsyncIterator[RawProvider]:
    """Serves on the loopback address; answers each request of a connection by the behaviour, until it closes."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        server.connections.append(connection)
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            while connection.is_open and await connection.read_request():
                server.requests.append(connection)
                server.asked.set()
                await behaviour(connection)
        except (asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()
            tasks.discard(task)

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    server = RawProvider(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1")
    try:
        yield server
    finally:
        listening.close()
        left = list(tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await listening.wait_closed()
        await asyncio.sleep(0)


@asynccontextmanager
async def provider_at(
    url: str,
    engine: Engine = "httptools",
    *,
    first_byte_seconds: float = 5,
    idle_seconds: float = 5,
    total_seconds: float = 20,
    connect_seconds: float = 10,
    max_connections: int = 10,
    keep_alive: bool = True,
    now: float = 1_000_000.0,
    dialect: Dialect | None = None,
    max_event_bytes: int = 4096,
    max_body_bytes: int = 8192,
) -> AsyncIterator[HttpProvider]:
    """A client of ours for the server; without a dialect it speaks Chat Completions."""
    dialect = dialect or OpenAIChat()
    transport = Transport(
        provider="raw",
        base_url=url,
        headers=dialect.headers(KEY),
        timeouts=TimeoutSettings(
            connect_seconds=connect_seconds,
            first_byte_seconds=first_byte_seconds,
            idle_seconds=idle_seconds,
            total_seconds=total_seconds,
        ),
        max_connections=max_connections,
        keep_alive=keep_alive,
        engine=engine,
        secrets=(KEY,),
    )
    try:
        yield HttpProvider(
            "raw",
            dialect,
            transport,
            now=lambda: now,
            max_event_bytes=max_event_bytes,
            max_body_bytes=max_body_bytes,
        )
    finally:
        await transport.aclose()


async def first(stream: AsyncIterator[Event]) -> Event:
    """The first event of an answer; what the provider tells of the call goes before it."""
    while isinstance(event := await anext(stream), Told):
        pass
    return event


async def outcome(provider: Provider, call: Call) -> tuple[str, list[Event], StreamprocError | None]:
    """Text, events of the answer and error of a call."""
    events: list[Event] = []
    error = None
    try:
        async with aclosing(provider.stream(call)) as stream:
            async for seen in stream:
                events += () if isinstance(seen, Told) else (seen,)
    except StreamprocError as exc:
        error = exc
    return "".join(seen.text for seen in events if isinstance(seen, Text)), events, error


def chunked(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(value: Any) -> bytes:
    """An event of a stream, as one chunk of a chunked body."""
    return chunked(b"data: " + orjson.dumps(value) + b"\n\n")


def token(text: str) -> bytes:
    """An event with a piece of text."""
    return event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}], "usage": None})


def response(status: str, content_type: str, body: bytes, *headers: bytes) -> bytes:
    """A whole response with a length."""
    lines = [f"HTTP/1.1 {status}".encode(), f"content-type: {content_type}".encode(), *headers]
    return b"\r\n".join([*lines, b"content-length: %d" % len(body), b"", body])


STREAM = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nx-request-id: req-7\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
FINISH = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
USAGE = event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}})
DONE = chunked(b"data: [DONE]\n\n")
END = b"0\r\n\r\n"
