"""What happens to the connection: refused, broken, silent, cancelled, used again. Real sockets, both engines."""

import asyncio
import socket
import time
from contextlib import aclosing

import httpx
import pytest

from streamproc.chain.provider import Completed, Event, Text
from streamproc.errors import ConnectFailed, Disconnected, TimedOut
from streamproc.providers.http_pool import NoneFree
from streamproc.providers.http_response import BrokenResponse
from streamproc.providers.transport_engine import NothingSent
from tests.faults.raw_provider import (
    DONE,
    END,
    FINISH,
    STREAM,
    USAGE,
    Connection,
    Engine,
    chunked,
    first,
    outcome,
    provider_at,
    raw_provider,
    response,
    token,
)
from tests.unit.providers.calls import a_call

ENGINES: list[Engine] = ["httptools", "httpx"]
both_engines = pytest.mark.parametrize("engine", ENGINES)


async def good(connection: Connection) -> None:
    """A whole stream of two tokens."""
    await connection.send(STREAM, token("a"), token("b"), FINISH, USAGE, DONE, END)


def cause_of(error: BaseException | None) -> BaseException | None:
    """What the error came from."""
    return None if error is None else error.__cause__


@both_engines
async def test_nobody_listens(engine: Engine) -> None:
    """A refused connection cannot have cost anything."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        async with provider_at(url, engine) as provider:
            _, events, error = await outcome(provider, a_call())
    assert isinstance(error, ConnectFailed)
    assert not error.may_have_cost
    assert isinstance(error.__cause__, NothingSent)
    assert error.__cause__.__cause__ is not None
    assert events == []


@both_engines
async def test_host_that_does_not_exist(engine: Engine) -> None:
    """A name without an address is a failed connection."""
    async with provider_at("http://no-such-host.invalid/v1", engine) as provider:
        _, _, error = await outcome(provider, a_call())
    assert isinstance(error, ConnectFailed)


@both_engines
async def test_all_connections_are_taken(engine: Engine) -> None:
    """Waiting for a free connection ends at the connect deadline and cannot have cost anything."""
    async with (
        raw_provider(Connection.hold) as server,
        provider_at(server.url, engine, connect_seconds=0.3, max_connections=1) as provider,
    ):
        first = asyncio.create_task(outcome(provider, a_call()))
        await server.asked.wait()
        _, _, error = await outcome(provider, a_call())
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    assert isinstance(error, ConnectFailed)
    assert isinstance(cause_of(error.__cause__), NoneFree if engine == "httptools" else httpx.PoolTimeout)


@both_engines
async def test_close_before_the_response(engine: Engine) -> None:
    """The request was sent, so the provider may have worked."""

    async def behave(connection: Connection) -> None:
        connection.close()

    async with raw_provider(behave) as server, provider_at(server.url, engine) as provider:
        _, _, error = await outcome(provider, a_call())
    assert isinstance(error, Disconnected)
    assert error.may_have_cost
    assert isinstance(error.__cause__, BrokenResponse)
    assert len(server.requests) == 1, "a POST must not be sent again behind our back"


@both_engines
async def test_reset_before_the_response(engine: Engine) -> None:
    """The same with a RST."""

    async def behave(connection: Connection) -> None:
        connection.reset()

    async with raw_provider(behave) as server, provider_at(server.url, engine) as provider:
        _, _, error = await outcome(provider, a_call())
    assert isinstance(error, Disconnected)
    assert error.may_have_cost
    assert isinstance(error.__cause__, OSError if engine == "httptools" else BrokenResponse)


@both_engines
async def test_answer_that_is_no_http(engine: Engine) -> None:
    """Bytes of another protocol are a broken connection."""

    async def behave(connection: Connection) -> None:
        await connection.send(b"220 mail.example ESMTP\r\n\r\n")
        connection.close()

    async with raw_provider(behave) as server, provider_at(server.url, engine) as provider:
        _, _, error = await outcome(provider, a_call())
    assert isinstance(error, Disconnected)


@both_engines
async def test_no_headers_in_time(engine: Engine) -> None:
    """The first-byte deadline ends the call, and the connection with it."""

    async def behave(_: Connection) -> None:
        await asyncio.sleep(10)

    async with (
        raw_provider(behave) as server,
        provider_at(server.url, engine, first_byte_seconds=0.2) as provider,
    ):
        _, _, error = await asyncio.wait_for(outcome(provider, a_call()), 5)
        assert isinstance(error, TimedOut)
        assert error.may_have_cost
        assert isinstance(error.__cause__, TimeoutError)
        assert await server.connections[0].closed_by_client()


@both_engines
async def test_first_byte_deadline_ends_with_the_headers(engine: Engine) -> None:
    """Silence after the headers is a matter of the idle deadline alone."""

    async def behave(connection: Connection) -> None:
        await connection.send(STREAM)
        await asyncio.sleep(0.5)
        await good_rest(connection)

    async def good_rest(connection: Connection) -> None:
        await connection.send(token("a"))
        await asyncio.sleep(0.5)
        await connection.send(FINISH, DONE, END)

    async with (
        raw_provider(behave) as server,
        provider_at(server.url, engine, first_byte_seconds=0.2) as provider,
    ):
        text, _, error = await outcome(provider, a_call())
    assert (text, error) == ("a", None)


@both_engines
async def test_answer_in_one_piece_may_take_longer_than_the_first_byte_of_a_stream(engine: Engine) -> None:
    """Without streaming nothing comes before everything is there, so only the total deadline counts."""

    async def behave(connection: Connection) -> None:
        await asyncio.sleep(0.5)
        body = b'{"choices":[{"message":{"content":"late"},"finish_reason":"stop"}]}'
        await connection.send(response("200 OK", "application/json", body))

    async with (
        raw_provider(behave) as server,
        provider_at(server.url, engine, first_byte_seconds=0.1, idle_seconds=0.1) as provider,
    ):
        text, _, error = await outcome(provider, a_call(stream=False))
    assert (text, error) == ("late", None)


@both_engines
async def test_close_after_some_tokens(engine: Engine) -> None:
    """The tokens are given, then the cut is told; they may be billed."""

    async def behave(connection: Connection) -> None:
        await connection.send(STREAM, token("a"), token("b"))
        connection.close()

    async with raw_provider(behave) as server, provider_at(server.url, engine) as provider:
        text, events, error = await outcome(provider, a_call())
    assert text == "ab"
    assert isinstance(error, Disconnected)
    assert error.may_have_cost
    assert isinstance(cause_of(error), BrokenResponse)
    assert not any(isinstance(event, Completed) for event in events)


@both_engines
async def test_reset_after_some_tokens(engine: Engine) -> None:
    """The same with a RST, which may overtake tokens that were not read yet."""

    async def behave(connection: Connection) -> None:
        await connection.send(STREAM, token("a"))
        await asyncio.sleep(0.1)
        connection.reset()

    async with raw_provider(behave) as server, provider_at(server.url, engine) as provider:
        text, _, error = await outcome(provider, a_call())
    assert text == "a"
    assert isinstance(error, Disconnected)
    assert error.may_have_cost


@both_engines
async def test_broken_chunk_in_mid_stream(engine: Engine) -> None:
    """A proxy that puts its own page into the stream is told from the provider at once, not by the idle deadline."""

    async def behave(connection: Connection) -> None:
        await connection.send(STREAM, token("a"), b"HTTP/1.1 502 Bad Gateway\r\n\r\n", pause_seconds=0.05)
        await connection.hold()

    async with raw_provider(behave) as server, provider_at(server.url, engine) as provider:
        text, _, error = await asyncio.wait_for(outcome(provider, a_call()), 5)
    assert text == "a"
    assert isinstance(error, Disconnected)
    assert error.may_have_cost
    assert isinstance(cause_of(error), BrokenResponse)


@both_engines
async def test_pings_without_end(engine: Engine) -> None:
    """Comments are bytes but no progress: the idle deadline fires while they drip."""

    async def behave(connection: Connection) -> None:
        await connection.send(STREAM, token("a"))
        while True:
            await connection.send(chunked(b": ping\n\n"), pause_seconds=0.03)

    async with raw_provider(behave) as server, provider_at(server.url, engine, idle_seconds=0.3) as provider:
        text, _, error = await asyncio.wait_for(outcome(provider, a_call()), 5)
    assert text == "a"
    assert isinstance(error, TimedOut)
    assert "no event" in str(error)


@both_engines
async def test_slow_tokens_are_progress(engine: Engine) -> None:
    """Each event starts the idle deadline again, so a slow stream may last longer than it."""

    async def behave(connection: Connection) -> None:
        await connection.send(STREAM)
        await connection.send(*[token("a")] * 8, pause_seconds=0.15)
        await connection.send(FINISH, DONE, END)

    async with raw_provider(behave) as server, provider_at(server.url, engine, idle_seconds=0.6) as provider:
        text, _, error = await outcome(provider, a_call())
    assert (text, error) == ("a" * 8, None)


@both_engines
async def test_total_deadline_in_a_lively_stream(engine: Engine) -> None:
    """A stream that never ends is ended."""

    async def behave(connection: Connection) -> None:
        await connection.send(STREAM)
        while True:
            await connection.send(token("a"), pause_seconds=0.02)

    async with raw_provider(behave) as server, provider_at(server.url, engine, total_seconds=0.4) as provider:
        text, _, error = await asyncio.wait_for(outcome(provider, a_call()), 5)
    assert "a" in text
    assert isinstance(error, TimedOut)
    assert "not done after 0.4 seconds" in str(error)


@both_engines
async def test_consumer_that_takes_its_time(engine: Engine) -> None:
    """While nobody asks for the next event, the provider's silence does not count."""

    async def behave(connection: Connection) -> None:
        await connection.send(STREAM, token("a"))
        await asyncio.sleep(0.7)
        await connection.send(token("b"), FINISH, DONE, END)

    texts = []
    async with raw_provider(behave) as server, provider_at(server.url, engine, idle_seconds=0.3) as provider:
        async for event in provider.stream(a_call()):
            if isinstance(event, Text):
                texts.append(event.text)
                await asyncio.sleep(0.9 if event.text == "a" else 0)
    assert texts == ["a", "b"]


@both_engines
async def test_total_deadline_while_the_consumer_works(engine: Engine) -> None:
    """The consumer's own waiting is not cancelled; its next look at the stream tells it."""

    async def behave(connection: Connection) -> None:
        await connection.send(STREAM, token("a"))
        await connection.hold()

    async with raw_provider(behave) as server, provider_at(server.url, engine, total_seconds=0.2) as provider:
        stream = provider.stream(a_call())
        assert await first(stream) == Text("a")
        await asyncio.sleep(0.4)
        with pytest.raises(TimedOut):
            await anext(stream)


@both_engines
async def test_cancelled_call_closes_the_socket(engine: Engine) -> None:
    """A cancellation from outside stays one, and the provider sees the end at once."""

    async def behave(connection: Connection) -> None:
        await connection.send(STREAM, token("a"))
        await asyncio.sleep(10)

    async with raw_provider(behave) as server, provider_at(server.url, engine) as provider:
        call = asyncio.create_task(outcome(provider, a_call()))
        await server.asked.wait()
        await asyncio.sleep(0.1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await server.connections[0].closed_by_client()


@both_engines
async def test_cancelled_before_the_headers(engine: Engine) -> None:
    """The same while the response has not begun."""

    async def behave(_: Connection) -> None:
        await asyncio.sleep(10)

    async with raw_provider(behave) as server, provider_at(server.url, engine) as provider:
        call = asyncio.create_task(outcome(provider, a_call()))
        await server.asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await server.connections[0].closed_by_client()


@both_engines
async def test_cancelled_in_the_moment_of_the_idle_deadline(engine: Engine) -> None:
    """When both come in one turn of the loop, the outside cancellation is not swallowed."""

    async def behave(connection: Connection) -> None:
        await connection.send(STREAM, token("a"))
        await connection.hold()

    loop = asyncio.get_running_loop()
    async with raw_provider(behave) as server, provider_at(server.url, engine, idle_seconds=0.3) as provider:
        stream = provider.stream(a_call())
        assert await first(stream) == Text("a")

        async def next_event() -> Event:
            return await anext(stream)

        call = asyncio.create_task(next_event())
        await asyncio.sleep(0.1)
        cancel_at = loop.time() + 0.15
        loop.call_at(cancel_at, call.cancel)
        while loop.time() < cancel_at + 0.3:  # blocks the loop until both timers are due
            pass
        with pytest.raises(asyncio.CancelledError):
            await call


@both_engines
async def test_closing_the_iterator_early(engine: Engine) -> None:
    """A consumer that has enough ends the generation: the connection is closed and not used again."""

    async def behave(connection: Connection) -> None:
        await connection.send(STREAM, token("a"))
        await asyncio.sleep(10)

    async with raw_provider(behave) as server, provider_at(server.url, engine) as provider:
        async with aclosing(provider.stream(a_call())) as stream:
            assert await first(stream) == Text("a")
        assert await server.connections[0].closed_by_client()


@both_engines
async def test_connection_is_used_again_after_a_whole_answer(engine: Engine) -> None:
    """Streams, whole answers and refusals that were read to the end share one connection."""
    turns = iter(range(9))

    async def behave(connection: Connection) -> None:
        match next(turns) % 3:
            case 0:
                await good(connection)
            case 1:
                await connection.send(response("400 Bad Request", "application/json", b'{"error":{"message":"no"}}'))
            case _:
                await connection.send(STREAM, token("a"), FINISH, DONE)
                await asyncio.sleep(0.01)
                await connection.send(END)

    async with raw_provider(behave) as server, provider_at(server.url, engine) as provider:
        for _ in range(9):
            await outcome(provider, a_call())
        assert len(server.requests) == 9
        assert len(server.connections) == 1


@both_engines
async def test_connections_are_used_once_where_the_server_wants_it(engine: Engine) -> None:
    """llama.cpp hangs up after each stream without saying so: 27 of 1,000 calls met its end on their way."""
    async with raw_provider(good) as server, provider_at(server.url, engine, keep_alive=False) as provider:
        for _ in range(3):
            assert (await outcome(provider, a_call()))[2] is None
        assert (len(server.requests), len(server.connections)) == (3, 3)


@both_engines
async def test_server_that_hangs_up_after_its_answer(engine: Engine) -> None:
    """The next call takes a new connection, also when our loop had no turn to notice the end of the old one."""
    body = b'{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}'
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(2):
            connection, _ = listening.accept()
            with connection:
                while not connection.recv(2**16).endswith(b"}"):
                    pass
                connection.sendall(response("200 OK", "application/json", body))

    server = asyncio.create_task(asyncio.to_thread(serve))
    with listening:
        async with provider_at(f"http://127.0.0.1:{listening.getsockname()[1]}/v1", engine) as provider:
            for _ in range(2):
                text, _, error = await outcome(provider, a_call(stream=False))
                assert (text, error) == ("a", None)
                time.sleep(0.1)  # blocks the loop while the end arrives
        await server


@both_engines
async def test_body_that_does_not_end_after_its_end_mark(engine: Engine) -> None:
    """The answer is complete and given soon; only the connection is lost."""

    async def behave(connection: Connection) -> None:
        await connection.send(STREAM, token("a"), FINISH, DONE)
        await connection.hold()

    async with raw_provider(behave) as server, provider_at(server.url, engine, idle_seconds=30) as provider:
        text, events, error = await asyncio.wait_for(outcome(provider, a_call()), 5)
        assert (text, error) == ("a", None)
        assert isinstance(events[-1], Completed)
        assert len(server.connections) == 1


async def test_call_after_the_end() -> None:
    """A closed transport fails calls without cost."""
    async with raw_provider(good) as server, provider_at(server.url) as provider:
        _, _, error = await outcome(provider, a_call())
        assert error is None
        await provider._transport.aclose()
        _, _, error = await outcome(provider, a_call())
    assert isinstance(error, ConnectFailed)
