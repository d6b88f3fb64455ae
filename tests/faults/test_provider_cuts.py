"""An answer that is cut, by the server at every byte or by the caller in every phase: none is invented, nothing leaks."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from functools import partial

import pytest

from streamproc.chain.provider import Completed, Text
from streamproc.errors import Disconnected, IncompleteStream
from tests.fakes import eventually
from tests.faults.cases.api import Api
from tests.faults.cases.table import APIS
from tests.faults.engine import ANSWER, nothing_left
from tests.faults.raw_provider import STREAM, Connection, first, outcome, provider_at, raw_provider, token
from tests.unit.providers.calls import a_call

_patient = partial(provider_at, connect_seconds=30, first_byte_seconds=30, total_seconds=60)
"""A client whose deadlines no busy machine reaches."""

every_api = pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)


@every_api
@pytest.mark.parametrize("let_go", [Connection.close, Connection.reset])
async def test_a_stream_that_is_cut_at_every_byte(api: Api, let_go: Callable[[Connection], None]) -> None:
    """Only one with its end mark is complete; whatever is cut before may have cost, and its text is a beginning."""
    answer = b"".join(api.answer(*api.good))
    end_begins, end_ends = (len(b"".join(api.packets(*frames))) for frames in (api.good[:-1], api.good))
    cuts = range(0, len(answer), max(3, len(answer) // 200))
    cut = 0

    async def behave(connection: Connection) -> None:
        await connection.send(answer[:cut])
        let_go(connection)

    async with raw_provider(behave) as server, _patient(server.url, dialect=api.dialect) as provider:
        for cut in cuts:
            text, events, error = await outcome(provider, a_call(**api.asks))
            assert "ab".startswith(text)
            if cut >= end_ends and let_go is Connection.close:
                assert (text, error) == ("ab", None), cut
            elif error is not None or cut <= end_begins:
                assert isinstance(error, (Disconnected, IncompleteStream)), (cut, error)
                assert error.may_have_cost
            assert isinstance(events[-1] if events else None, Completed) is (error is None)
        await nothing_left(provider)
        assert len(server.requests) == len(cuts), "no request was sent twice"


@every_api
@pytest.mark.parametrize("let_go", [Connection.close, Connection.reset])
async def test_a_whole_answer_that_is_cut_at_every_byte(api: Api, let_go: Callable[[Connection], None]) -> None:
    """The same without a stream: half an answer is no answer."""
    (answer,) = api.in_one_piece(api.whole(api.usage))
    cut = 0

    async def behave(connection: Connection) -> None:
        await connection.send(answer[:cut])
        let_go(connection)

    async with raw_provider(behave) as server, _patient(server.url, dialect=api.dialect) as provider:
        for cut in range(0, len(answer), 3):
            text, _, error = await outcome(provider, a_call(**api.asks, stream=False))
            assert text == ""
            assert isinstance(error, Disconnected), cut
            assert error.may_have_cost
        await nothing_left(provider)


@every_api
@pytest.mark.parametrize("is_streamed", [True, False])
async def test_single_bytes(api: Api, is_streamed: bool) -> None:
    """An answer that comes byte by byte is the same answer, and its connection is used again."""
    answer = b"".join(api.answer(*api.good) if is_streamed else api.in_one_piece(api.whole(api.usage)))

    async def behave(connection: Connection) -> None:
        await connection.send(*[answer[i : i + 1] for i in range(len(answer))])

    async with raw_provider(behave) as server, _patient(server.url, dialect=api.dialect) as provider:
        for _ in range(2):
            text, _, error = await outcome(provider, a_call(**api.asks, stream=is_streamed))
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
            assert await first(stream) == Text("a")
        await nothing_left(provider)
        assert len(server.requests) == 1
