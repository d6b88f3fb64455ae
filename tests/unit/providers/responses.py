"""Responses without a network, for the tests of the HTTP engine."""

import asyncio
from typing import cast

from streamproc.providers.http_response import HttpResponse

__all__ = ["HEAD", "Socket", "a_response", "body_of"]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


class Socket:
    """The part of a transport that a response touches."""

    def __init__(self) -> None:
        self.turns: list[str] = []

    def is_closing(self) -> bool:
        return "abort" in self.turns

    def abort(self) -> None:
        self.turns.append("abort")

    def pause_reading(self) -> None:
        self.turns.append("pause")

    def resume_reading(self) -> None:
        self.turns.append("resume")


def a_response(sock: Socket | None = None) -> HttpResponse:
    """A response that waits for its first byte."""
    return HttpResponse(cast("asyncio.Transport", sock or Socket()), asyncio.get_running_loop())


async def body_of(response: HttpResponse) -> bytes:
    """Everything up to the end of the body."""
    body = b""
    while piece := await response.read():
        body += piece
    return body
