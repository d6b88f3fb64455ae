"""Responses from bytes, without a network: every cut, every end, and servers that send too much or nonsense."""

import pytest

from streamproc.providers.http_response import BrokenResponse
from tests.unit.providers.responses import HEAD, Socket, a_response, body_of

WHOLE: dict[str, tuple[bytes, int, bytes, bool]] = {
    "a length": (HEAD + b"content-length: 5\r\n\r\nhello", 200, b"hello", True),
    "no bytes at all": (HEAD + b"content-length: 0\r\n\r\n", 200, b"", True),
    "chunks": (HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", 200, b"hello", True),
    "Chunked, written so": (HEAD + b"Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, b"hello", True),
    "chunks with extensions": (
        HEAD + b"transfer-encoding: chunked\r\n\r\n5;a=b;c\r\nhello\r\n0;d\r\n\r\n",
        200,
        b"hello",
        True,
    ),
    "trailers": (
        HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-request-id: late\r\n\r\n",
        200,
        b"hello",
        True,
    ),
    "100 before it": (
        b"HTTP/1.1 100 Continue\r\nx-early: 1\r\n\r\n" + HEAD + b"content-length: 5\r\n\r\nhello",
        200,
        b"hello",
        True,
    ),
    "two 103 before it": (
        b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 2 + HEAD + b"content-length: 5\r\n\r\nhello",
        200,
        b"hello",
        True,
    ),
    "204": (b"HTTP/1.1 204 No Content\r\nContent-Type: text/plain\r\n\r\n", 204, b"", True),
    "a server that closes": (HEAD + b"connection: close\r\ncontent-length: 5\r\n\r\nhello", 200, b"hello", False),
    "HTTP/1.0": (
        b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\ncontent-length: 5\r\n\r\nhello",
        200,
        b"hello",
        False,
    ),
    "HTTP/1.0 that stays": (
        b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nconnection: keep-alive\r\ncontent-length: 5\r\n\r\nhello",
        200,
        b"hello",
        True,
    ),
    "an offer of HTTP/2": (
        HEAD + b"connection: upgrade\r\nupgrade: h2,h2c\r\ncontent-length: 5\r\n\r\nhello",
        200,
        b"hello",
        True,
    ),
    "no reason phrase": (
        b"HTTP/1.1 429\r\nContent-Type: text/plain\r\ncontent-length: 5\r\n\r\nhello",
        429,
        b"hello",
        True,
    ),
}


@pytest.mark.parametrize("case", WHOLE)
async def test_every_cut_gives_the_same(case: str) -> None:
    """Wherever a response is cut in two, and in single bytes, the same comes out; what is no header is none."""
    data, status, body, keeps_alive = WHOLE[case]
    cuts = [[data[:at], data[at:]] for at in range(len(data) + 1)] + [[data[i : i + 1] for i in range(len(data))]]
    for pieces in cuts:
        response = a_response()
        for piece in filter(None, pieces):
            response.feed(piece)
        assert response.is_complete
        assert (response.status_code, await body_of(response)) == (status, body)
        assert response.keeps_alive is keeps_alive
        assert response.headers[0] == (b"Content-Type", b"text/plain")
        names = {name.lower() for name, _ in response.headers}
        assert names <= {b"content-type", b"content-length", b"transfer-encoding", b"connection", b"upgrade"}
        response.connection_lost(None)  # after the end it matters to nobody
        assert await response.read() == b""


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 103 Early Hints\r\ncontent-length: 0\r\n\r\n"])
async def test_a_body_that_ends_with_the_connection(before: bytes) -> None:
    """Without a length and without chunks of its own, the close is the end; the connection is gone, of course."""
    response = a_response()
    response.feed(before + HEAD + b"\r\nhel")
    response.feed(b"lo")
    assert not response.is_complete
    response.connection_lost(None)
    assert (response.is_complete, response.keeps_alive) == (True, False)
    assert await body_of(response) == b"hello"


CUT = {
    "nothing": b"",
    "half a line": b"HTTP/1.1 2",
    "half a head": HEAD,
    "only a 100": b"HTTP/1.1 100 Continue\r\n\r\n",
    "a head": HEAD + b"content-length: 5\r\n\r\n",
    "half a body": HEAD + b"content-length: 5\r\n\r\nhel",
    "half a chunk": HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhel",
    "a chunk": HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nhel\r\n",
    "half an end": HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nhel\r\n0\r\n",
    "half a trailer": HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nhel\r\n0\r\nx: y",
}


@pytest.mark.parametrize("case", CUT)
async def test_a_connection_that_ends_too_early(case: str) -> None:
    """What came before is given; then the end is told as what it is."""
    response = a_response()
    if CUT[case]:
        response.feed(CUT[case])
    response.connection_lost(None)
    pieces = []
    with pytest.raises(BrokenResponse, match="closed the connection"):  # noqa: PT012 with the head or behind it
        await response.head()
        while piece := await response.read():
            pieces.append(piece)
    assert pieces == [b"hel"] * (b"hel" in CUT[case])
    assert not response.is_complete


async def test_a_reset() -> None:
    """The error of the socket comes out as it is, after the bytes before it."""
    response = a_response()
    response.feed(HEAD + b"\r\nhel")
    response.connection_lost(ConnectionResetError("reset"))
    await response.head()
    assert await response.read() == b"hel"
    with pytest.raises(ConnectionResetError):
        await response.read()


NONSENSE = {
    "another protocol": b"220 mail.example ESMTP\r\n\r\n",
    "another version": b"HTTP/3.0 200 OK\r\n\r\n",
    "a header without a name": HEAD + b": x\r\n\r\n",
    "a header with a zero": HEAD + b"x: a\0b\r\n\r\n",
    "a folded name": HEAD + b"x y: z\r\n\r\n",
    "a length that is none": HEAD + b"content-length: five\r\n\r\n",
    "a negative length": HEAD + b"content-length: -1\r\n\r\n",
    "a length beyond all bounds": HEAD + b"content-length: 99999999999999999999\r\n\r\n",
    "two lengths": HEAD + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
    "a length and chunks": HEAD + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "an unknown transfer-encoding": HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "another protocol from now on": b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\nPRI",
    "a chunk that is none": HEAD + b"transfer-encoding: chunked\r\n\r\nHTTP/1.1 502 Bad Gateway\r\n\r\n",
    "a negative chunk": HEAD + b"transfer-encoding: chunked\r\n\r\n-5\r\nhello\r\n",
    "a chunk beyond all bounds": HEAD + b"transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    "a chunk longer than it says": HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nhello\r\n",
}


@pytest.mark.parametrize("case", NONSENSE)
async def test_nonsense(case: str) -> None:
    """It fails at once, in one piece and byte by byte, and the connection with it."""
    for size in (10_000, 1):
        sock = Socket()
        response = a_response(sock)
        for start in range(0, len(NONSENSE[case]), size):
            response.feed(NONSENSE[case][start : start + size])
        with pytest.raises(BrokenResponse):  # noqa: PT012 with the head or behind it
            await response.head()
            await body_of(response)
        assert not response.is_complete
        assert "abort" in sock.turns


ENDLESS = {
    "status line": (b"HTTP/1.1 200 ", b"O" * 1000),
    "header": (HEAD + b"x: ", b"y" * 1000),
    "headers": (HEAD, b"x: y\r\n" * 100),
    "1xx": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 40),
    "chunk extension": (HEAD + b"transfer-encoding: chunked\r\n\r\n5;", b"a" * 1000),
    "zeros of a chunk's length": (HEAD + b"transfer-encoding: chunked\r\n\r\n", b"0" * 1000),
    "trailer": (HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\nx: ", b"y" * 1000),
    "trailers": (HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n", b"x: y\r\n" * 100),
}


@pytest.mark.parametrize("case", ENDLESS)
async def test_endless(case: str) -> None:
    """What never becomes a body is refused after 64 KiB, and nothing of it is kept."""
    start, more = ENDLESS[case]
    response = a_response()
    if start:
        response.feed(start)
    sent = 0
    while sent < 2**16 + 2000:
        response.feed(more)
        sent += len(more)
    with pytest.raises(BrokenResponse, match="65536 bytes without"):  # noqa: PT012 with the head or behind it
        await response.head()
        await body_of(response)
    assert response._parser is None


async def test_a_header_that_came_in_one_piece() -> None:
    """A socket gives up to 256 KiB at once; the bound of a head holds there too."""
    response = a_response()
    response.feed(HEAD + b"x: " + b"y" * 2**16 + b"\r\ncontent-length: 5\r\n\r\nhello")
    with pytest.raises(BrokenResponse, match="65536"):
        await response.head()


@pytest.mark.parametrize("more", [b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nbroken", b"\0garbage", b"x"])
@pytest.mark.parametrize("kind", ["a length", "chunks", "a server that closes"])
async def test_bytes_after_the_end(kind: str, more: bytes) -> None:
    """They are no part of the answer, and nobody may ask on this connection again; in one piece or behind it."""
    data, status, body, _ = WHOLE[kind]
    for pieces in ([data + more], [data, more]):
        response = a_response()
        for piece in pieces:
            response.feed(piece)
        assert (response.status_code, await body_of(response)) == (status, body)
        assert not response.keeps_alive
