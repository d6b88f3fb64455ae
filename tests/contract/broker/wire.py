"""A Kafka connection without a client's cleverness: one request, one answer, no retry and no version negotiation."""

import asyncio
import contextlib
import struct
from collections.abc import Awaitable, Callable
from typing import Any, Self

from streamproc.embedded.codes import Code
from tests.contract.harness.waiting import eventually_found

__all__ = ["Wire", "settled"]

_PATIENCE_SECONDS = 30


class Wire:
    """One connection. Requests are structs of `aiokafka.protocol`, each with its own fixed version."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._sent = 0

    @classmethod
    async def to(cls, bootstrap: str) -> Self:
        """Connects."""
        host, _, port = bootstrap.rpartition(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    async def send(self, request: Any) -> None:
        """Writes a request and waits for nothing."""
        self._sent += 1
        header = request.build_request_header(self._sent, "contract").encode()
        await self.send_bytes(header + request.encode())

    async def send_bytes(self, frame: bytes) -> None:
        """Writes a frame: its length and these bytes."""
        self._writer.write(struct.pack(">i", len(frame)) + frame)
        await self._writer.drain()

    async def receive(self) -> tuple[int, bytes]:
        """Correlation id and body of the next answer.

        Raises:
            asyncio.IncompleteReadError: the broker closed the connection.
        """
        async with asyncio.timeout(_PATIENCE_SECONDS):
            (length,) = struct.unpack(">i", await self._reader.readexactly(4))
            frame = await self._reader.readexactly(length)
        return struct.unpack_from(">i", frame)[0], frame[4:]

    async def ask(self, request: Any) -> Any:
        """The answer as the request's response struct."""
        await self.send(request)
        correlation, body = await self.receive()
        assert correlation == self._sent
        return request.RESPONSE_TYPE.decode(body)

    async def close(self) -> None:
        """Hangs up; a second call does nothing."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


async def settled(ask: Callable[..., Awaitable[Code]], *arguments: Any, **named: Any) -> Code:
    """Repeats an ask that gives a code as long as the coordinator is busy with the transaction before.

    That answer, CONCURRENT_TRANSACTIONS, may come or not: markers are written after EndTxn was answered.
    """
    codes: list[Code] = []

    async def is_settled() -> bool:
        codes.append(await ask(*arguments, **named))
        return codes[-1] != Code.CONCURRENT_TRANSACTIONS

    await eventually_found(is_settled)
    return codes[-1]
