"""The HTTP engine's response: any bytes are one, or an error that the transport knows, the same for every cut."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, NamedTuple, TypeVar, cast

from streamproc.providers.http_response import BrokenResponse, HttpResponse
from tests.faults.cases.table import CASES
from tests.fuzz.target import CUT, Target, any_cut
from tests.unit.providers.responses import HEAD, Socket

__all__ = ["RESPONSES"]

_LONGEST_SEED = 2000

_Result = TypeVar("_Result")


class _Seen(NamedTuple):
    status: int | None
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    error: type[Exception] | None


def _check(data: bytes) -> None:
    _, cuts = any_cut(data)
    loop = asyncio.new_event_loop()
    try:
        uncut, cut = (_seen(loop, chunks) for chunks in cuts)
    finally:
        loop.close()
    assert cut == uncut


def _seen(loop: asyncio.AbstractEventLoop, chunks: list[bytes]) -> _Seen:
    """What a reader gets of a connection that brings these bytes and ends."""
    response = HttpResponse(cast("asyncio.Transport", Socket()), loop)
    for chunk in chunks:
        response.feed(chunk)
    response.connection_lost(None)
    body, error = b"", None
    try:
        _at_once(response.head())
        while piece := _at_once(response.read()):
            body += piece
    except (BrokenResponse, OSError) as exc:
        error = type(exc)
    # The headers of a response that broke before their end are nobody's.
    return _Seen(response.status_code, tuple(response.headers) if response.status_code else (), body, error)


def _at_once(waiting: Coroutine[Any, Any, _Result]) -> _Result:
    """The result of what has nothing left to wait for."""
    try:
        waiting.send(None)
    except StopIteration as exc:
        return cast("_Result", exc.value)
    waiting.close()
    raise AssertionError("it waits after the end of the connection")


def _seeds() -> Iterator[bytes]:
    sent = {b"".join(step for step in case.sends if isinstance(step, bytes)) for _, case in CASES.values()}
    return (CUT + stream for stream in sorted(sent) if len(stream) < _LONGEST_SEED)


RESPONSES = Target(
    _check,
    tuple(_seeds()),
    (HEAD, b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.0 204 X\r\n", b"content-length: ", b"transfer-encoding: chunked\r\n",
     b"connection: close\r\n", b"connection: upgrade\r\nupgrade: h2c\r\n", b"\r\n\r\n", b"0\r\n\r\n", b"5;a=b\r\n"),
    2048,
)  # fmt: skip
