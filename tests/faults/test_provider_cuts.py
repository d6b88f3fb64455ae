"""An answer that is cut, by the server at every byte or by the caller in every phase: none is invented, nothing leaks."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

import pytest

from streamproc.chain.provider import Completed, Text
from streamproc.errors import Disconnected, IncompleteStream
from tests.fakes import eventually
from tests.faults.engine import ANSWER, WHOLE, nothing_left
from tests.faults.raw_provider import DONE, STREAM, Connection, outcome, provider_at, raw_provider, token
from tests.unit.providers.calls import a_call


@pytest.mark.parametrize("let_go", [Connection.close, Connection.reset])
async def test_a_stream_that_is_cut_at_every_byte(let_go: Callable[[Connection], None]) -> None:
    """Only one with its end mark is complete; whatever is cut before may have cost, and its text is a beginning."""
    cuts = iter(range(0, len(ANSWER), 3))
    cut = 0

    async def behave(connection: Connection) -> None:
        await connection.send(ANSWER[:cut])
        let_go(connection)

    async with raw_provider(behave) as server, provider_at(server.url) as provider:
        for cut in cuts:
            text, events, error = await outcome(provider, a_call())
            assert "ab".startswith(text)
            if cut < ANSWER.index(DONE):
                assert isinstance(error, (Disconnected, IncompleteStream)), cut
                assert error.may_have_cost
            elif cut >= ANSWER.index(DONE) + len(DONE) and let_go is Connection.close:
                assert (text, error) == ("ab", None), cut
            assert isinstance(events[-1] if events else None, Completed) is (error is None)
        await nothing_left(provider)
        assert len(server.requests) == len(range(0, len(ANSWER), 3)), "no request was sent twice"


@pytest.mark.parametrize("let_go", [Connection.close, Connection.reset])
async def test_a_whole_answer_that_is_cut_at_every_byte(let_go: Callable[[Connection], None]) -> None:
    """The same without a stream: half an answer is no answer."""
    cut = 0

    async def behave(connection: Connection) -> None:
        await connection.send(WHOLE[:cut])
        let_go(connection)

    async with raw_provider(behave) as server, provider_at(server.url) as provider:
        for cut in range(0, len(WHOLE), 3):
            text, _, error = await outcome(provider, a_call(stream=False))
            assert text == ""
            assert isinstance(error, Disconnected), cut
            assert error.may_have_cost
        await nothing_left(provider)


@pytest.mark.parametrize("answer", [ANSWER, WHOLE])
async def test_single_bytes(answer: bytes) -> None:
    """An answer that comes byte by byte is the same answer, and its connection is used again."""

    async def behave(connection: Connection) -> None:
        await connection.send(*[answer[i : i + 1] for i in range(len(answer))])

    async with raw_provider(behave) as server, provider_at(server.url) as provider:
        for _ in range(2):
            text, _, error = await outcome(provider, a_call(stream=answer is ANSWER))
            assert (text, error) == ("ab", None)
        assert len(server.connections) == 1


PHASES = {"before the head": 0, "in the head": 40, "behind the head": len(STREAM), "in the body": len(STREAM) + 30}


@pytest.mark.parametrize("phase", PHASES)
async def test_cancelled_in_every_phase(phase: str) -> None:
    """The provider sees the end of the connection, and the place is free for the next call."""

    async def behave(connection: Connection) -> None:
        await connection.send(ANSWER[: PHASES[phase]])
        assert await connection.closed_by_client()
        connection.close()

    async with raw_provider(behave) as server, provider_at(server.url, max_connections=1) as provider:
        for number in range(3):
            call = asyncio.create_task(outcome(provider, a_call()))
            await eventually(lambda wanted=number + 1: len(server.requests) == wanted)  # type: ignore[misc]
            await asyncio.sleep(0.02)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await nothing_left(provider)
        await eventually(lambda: not any(connection.is_open for connection in server.connections))


async def test_a_stream_that_nobody_reads_to_its_end() -> None:
    """Its connection is closed, which tells the provider to stop."""

    async def behave(connection: Connection) -> None:
        await connection.send(STREAM, token("a"), token("b"))

    async with raw_provider(behave) as server, provider_at(server.url) as provider:
        async with aclosing(provider.stream(a_call())) as stream:
            assert await anext(stream) == Text("a")
        await nothing_left(provider)
        assert len(server.requests) == 1
