"""A provider that is faster than its reader: the connection sleeps, and wakes when there is room again."""

import asyncio

import pytest

from streamproc.chain.provider import Completed, Text
from tests.faults.raw_provider import (
    DONE,
    END,
    FINISH,
    STREAM,
    Connection,
    Engine,
    first,
    provider_at,
    raw_provider,
    token,
)
from tests.unit.providers.calls import a_call


@pytest.mark.parametrize("engine", ["httptools", "httpx"])
@pytest.mark.parametrize("characters", [1, 3_000])
async def test_a_fast_provider_waits_for_a_slow_reader(engine: Engine, characters: int) -> None:
    """Twenty thousand tiny tokens, or five hundred large ones, pass every mark at which reading pauses; all arrive in order."""
    count = 20_000 if characters == 1 else 500
    letters = "abcdefghij"
    sent = [letters[number % 10] * characters for number in range(count)]
    was_sent = asyncio.Event()

    async def behave(connection: Connection) -> None:
        await connection.send(STREAM, token("first"))
        await connection.send(b"".join(token(piece) for piece in sent))
        was_sent.set()
        await connection.send(FINISH, DONE, END)

    got = []
    async with raw_provider(behave) as server, provider_at(server.url, engine) as provider:
        stream = provider.stream(a_call())
        assert await first(stream) == Text("first")
        # Nobody reads meanwhile: what the sockets' buffers do not hold has to wait on the other side.
        for _ in range(20):
            await asyncio.sleep(0.01)
        async for event in stream:
            if isinstance(event, Text):
                got.append(event.text)
                if len(got) == 10:
                    await asyncio.sleep(0.05)
    assert got == sent
    assert isinstance(event, Completed)
    assert was_sent.is_set()
