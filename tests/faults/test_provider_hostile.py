"""Servers that say too much, too early, or never come to an end."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from streamproc.errors import BadRequest, ConnectFailed, Disconnected, MalformedStream, ProviderError
from streamproc.providers.http_response import BrokenResponse
from streamproc.providers.openai_responses import OpenAIResponses
from tests.fakes import eventually
from tests.faults.engine import WHOLE, nothing_left
from tests.faults.raw_provider import (
    KEY,
    STREAM,
    Connection,
    chunked,
    event,
    outcome,
    provider_at,
    raw_provider,
    response,
    token,
)
from tests.unit.providers.calls import a_call

LATE = {
    "a second answer": WHOLE.replace(b'"ab"', b'"no"'),
    "garbage": b"\r\n\r\nwhatever",
    "a refusal": response("408 Request Timeout", "text/plain", b"too late"),
}


@pytest.mark.parametrize("case", LATE)
@pytest.mark.parametrize("is_one_piece", [True, False])
async def test_bytes_behind_the_answer_are_no_answer_to_the_next_call(case: str, is_one_piece: bool) -> None:
    """Nothing that was not asked for is taken for an answer: the next call has a connection of its own."""

    async def behave(connection: Connection) -> None:
        await connection.send(*([WHOLE + LATE[case]] if is_one_piece else [WHOLE, LATE[case]]))

    async with raw_provider(behave) as server, provider_at(server.url) as provider:
        for _ in range(3):
            text, _, error = await outcome(provider, a_call(stream=False))
            assert (text, error) == ("ab", None)
            await asyncio.sleep(0.02)  # longer than late bytes need
        assert len(server.connections) == 3


@asynccontextmanager
async def a_server(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A server that does this with each connection, and lets go of it only at the end; gives its address."""
    is_over = asyncio.Event()
    served = 0

    async def serve_and_hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        await serve(reader, writer)
        await is_over.wait()
        writer.transport.abort()
        served -= 1

    # A small buffer: of a large body, most has to wait outside.
    listening = await asyncio.start_server(serve_and_hold, "127.0.0.1", 0, limit=1024)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        is_over.set()
        await eventually(lambda: served == 0)


async def test_a_server_that_speaks_first() -> None:
    """An answer before the question is no answer; the call fails."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(LATE["a refusal"])

    async with a_server(serve) as url, provider_at(url) as provider:
        _, _, error = await outcome(provider, a_call(stream=False))
        assert isinstance(error, ProviderError)
        assert error.status_code in (None, 408)


async def test_a_refusal_before_the_request_was_read() -> None:
    """A server may refuse a large body by its head; what it says counts, and the connection is not used again."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response("413 Content Too Large", "application/json", b'{"error":{"message":"too long"}}'))

    async with a_server(serve) as url, provider_at(url) as provider:
        long = a_call(messages=[{"role": "user", "content": "x" * 2**24}])
        _, _, error = await asyncio.wait_for(outcome(provider, long), 5)
        assert isinstance(error, BadRequest)
        assert error.status_code == 413
        await nothing_left(provider)


async def test_an_end_before_the_request_was_read() -> None:
    """A server that stops talking but keeps the connection: the rest of a large body does not hold up the end."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write_eof()

    async with a_server(serve) as url, provider_at(url, first_byte_seconds=30, total_seconds=30) as provider:
        long = a_call(messages=[{"role": "user", "content": "x" * 2**24}])
        _, _, error = await asyncio.wait_for(outcome(provider, long), 5)
        assert isinstance(error, Disconnected)
        assert error.may_have_cost
        await nothing_left(provider)


ENDLESS = {
    "header": (b"HTTP/1.1 200 OK\r\nx: ", b"y" * 5000),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"x: y\r\n" * 1000),
    "1xx responses": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 200),
    "trailers": (STREAM + token("a") + b"0\r\n", b"x: y\r\n" * 1000),
    "chunk extension": (STREAM + token("a") + b"5;", b"a" * 5000),
}


@pytest.mark.parametrize("case", ENDLESS)
async def test_a_server_that_never_comes_to_the_point(case: str) -> None:
    """The call ends by the number of bytes, long before any deadline."""
    start, more = ENDLESS[case]

    async def behave(connection: Connection) -> None:
        await connection.send(start)
        while True:
            await connection.send(more)

    async with raw_provider(behave) as server, provider_at(server.url) as provider:
        _, _, error = await asyncio.wait_for(outcome(provider, a_call()), 5)
        assert isinstance(error, Disconnected)
        assert isinstance(error.__cause__, BrokenResponse)
        assert "65536" in str(error)
        await nothing_left(provider)


async def test_a_body_that_ends_with_the_connection() -> None:
    """Old servers close instead of telling a length."""
    head, _, body = WHOLE.partition(b"\r\n\r\n")
    without_length = head.replace(b"content-length", b"x-length") + b"\r\n\r\n" + body

    async def behave(connection: Connection) -> None:
        await connection.send(without_length)
        connection.close()

    async with raw_provider(behave) as server, provider_at(server.url) as provider:
        text, _, error = await outcome(provider, a_call(stream=False))
        assert (text, error) == ("ab", None)
        await nothing_left(provider)


async def test_a_redirect_is_not_followed() -> None:
    """The credentials go to the address in the settings and nowhere else."""

    async def behave(connection: Connection) -> None:
        await connection.send(response("307 Temporary Redirect", "text/plain", b"", b"location: http://127.0.0.1:1/v1"))

    async with raw_provider(behave) as server, provider_at(server.url) as provider:
        _, _, error = await outcome(provider, a_call())
        assert isinstance(error, ProviderError)
        assert error.status_code == 307
        assert len(server.requests) == 1


async def test_a_host_name_that_cannot_be_one() -> None:
    """A label of more than 63 characters is refused before any question is asked."""
    async with provider_at(f"http://{'a' * 70}.invalid/v1") as provider:
        _, _, error = await outcome(provider, a_call())
        assert isinstance(error, ConnectFailed)
        await nothing_left(provider)


async def test_a_few_bytes_that_inflate_to_very_many() -> None:
    """48 kB of packed comments are 50 MB to read: the loop, and with it every other call, stood still for ten seconds."""
    packed = gzip.compress(b":\n\n" * 2**20)
    turns = 0

    async def behave(connection: Connection) -> None:
        await connection.send(response("200 OK", "text/event-stream", packed, b"content-encoding: gzip"))

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with raw_provider(behave) as server, provider_at(server.url) as provider:
        running = asyncio.create_task(others())
        reading = asyncio.create_task(outcome(provider, a_call()))
        await eventually(lambda: bool(server.requests))
        before = turns
        _, _, error = await reading
        running.cancel()
        assert isinstance(error, MalformedStream)  # in which nothing came
        assert turns - before > len(gzip.decompress(packed)) // 2**17  # nearly once for each piece of 64 KiB


async def test_bytes_behind_the_end_of_a_packed_answer() -> None:
    """They were all kept, for as long as the call had time."""
    packed = gzip.compress(b": ping\n\n")

    async def behave(connection: Connection) -> None:
        await connection.send(STREAM.replace(b"x-request-id", b"content-encoding: gzip\r\nx-request-id"))
        await connection.send(chunked(packed))
        while True:
            await connection.send(chunked(bytes(2**16)))

    async with raw_provider(behave) as server, provider_at(server.url) as provider:
        _, _, error = await outcome(provider, a_call())
        assert isinstance(error, MalformedStream)
        assert "behind the end" in str(error)
        await nothing_left(provider)


HOSTILE_WORDS = {
    "a content type": response("200 OK", KEY, b"x"),
    "a content type of a whole answer": response("200 OK", KEY * 40, b"{}"),
    "the place of an item": STREAM
    + event({"type": "response.function_call_arguments.delta", "output_index": KEY * 50}),
}


@pytest.mark.parametrize("case", HOSTILE_WORDS)
async def test_what_a_sentence_repeats_is_cut_and_holds_no_key(case: str) -> None:
    """A sentence repeated whatever stood in the place of a content type or an index, of any length, the key as well."""

    async def behave(connection: Connection) -> None:
        await connection.send(HOSTILE_WORDS[case])

    async with raw_provider(behave) as server, provider_at(server.url, dialect=OpenAIResponses()) as provider:
        _, _, error = await outcome(provider, a_call(stream="whole" not in case))
        assert isinstance(error, MalformedStream)
        assert "[redacted]" in str(error)
        assert KEY not in str(error)
        assert len(str(error)) < 400
