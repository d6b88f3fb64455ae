"""Who reads a response while it arrives: sleeping, waking, pausing the socket, and going away."""

import asyncio
import gc

import pytest

from streamproc.providers.http_response import HttpResponse
from tests.unit.providers.responses import HEAD, Socket, a_response


async def test_reading_pauses_and_goes_on() -> None:
    """Above 64 KiB the socket rests; a reader that comes back gets everything in one piece and wakes the socket."""
    sock = Socket()
    response = a_response(sock)
    response.feed(HEAD + b"transfer-encoding: chunked\r\n\r\n")
    piece = b"3e8\r\n" + b"x" * 1000 + b"\r\n"
    for _ in range(60):
        response.feed(piece)
    assert sock.turns == []
    for _ in range(10):
        response.feed(piece)
    assert sock.turns == ["pause"]
    assert await response.read() == b"x" * 70_000
    assert sock.turns == ["pause", "resume"]
    response.feed(b"0\r\n\r\n")
    assert await response.read() == b""


async def test_a_whole_response_does_not_pause() -> None:
    """Its connection may serve the next call while nobody has read this one yet: that call would never be answered."""
    sock = Socket()
    response = a_response(sock)
    response.feed(HEAD + b"content-length: 100000\r\n\r\n" + b"x" * 100_000)
    assert response.is_complete
    assert sock.turns == []


async def test_a_response_that_becomes_whole_while_the_socket_rests() -> None:
    """A TLS layer may have some more bytes when it is asked to rest; the next call on the connection must not wait."""
    sock = Socket()
    response = a_response(sock)
    response.feed(HEAD + b"content-length: 100000\r\n\r\n" + b"x" * 70_000)
    response.feed(b"x" * 30_000)
    assert response.is_complete
    assert sock.turns == ["pause", "resume"]
    assert len(await response.read()) == 100_000
    assert sock.turns == ["pause", "resume"]


async def test_a_waiting_reader_wakes() -> None:
    """For a head, for a piece, for the end; not for a piece of framing."""
    response = a_response()
    head = asyncio.create_task(response.head())
    await asyncio.sleep(0)
    response.feed(HEAD + b"transfer-encoding: chunked\r\n\r\n")
    await head
    read = asyncio.create_task(response.read())
    await asyncio.sleep(0)
    response.feed(b"5\r\n")
    await asyncio.sleep(0)
    assert not read.done()
    response.feed(b"hel")
    response.feed(b"lo")
    assert await read == b"hello"
    read = asyncio.create_task(response.read())
    await asyncio.sleep(0)
    response.feed(b"\r\n0\r\n\r\n")
    assert await read == b""


async def test_a_reader_that_was_cancelled() -> None:
    """The bytes that came in the same moment are there for the next reader."""
    response = a_response()
    response.feed(HEAD + b"content-length: 5\r\n\r\n")
    read = asyncio.create_task(response.read())
    await asyncio.sleep(0)
    read.cancel()
    response.feed(b"hello")
    with pytest.raises(asyncio.CancelledError):
        await read
    assert await response.read() == b"hello"


async def test_an_end_leaves_no_cycle() -> None:
    """Parser and response refer to each other; a worker turns the garbage collector down, so they part at the end."""
    gc.collect()
    gc.disable()
    try:
        response = a_response()
        response.feed(HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        del response
        assert [thing for thing in gc.get_objects() if isinstance(thing, HttpResponse)] == []
    finally:
        gc.enable()
