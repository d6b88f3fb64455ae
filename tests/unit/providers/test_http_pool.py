"""Who gets which connection, and what is left when somebody goes. Connections to a real socket."""

import asyncio

import pytest

from streamproc.providers.http_connection import HttpConnection
from streamproc.providers.http_pool import NoneFree
from tests.fakes import eventually
from tests.unit.providers.pools import ASK, OK, a_pool, ask


async def test_a_connection_is_used_again() -> None:
    """The one that was used last comes first, so that those which are too many grow old."""
    async with a_pool() as (pool, server):
        first, body = await ask(pool)
        assert body == b"ok"
        second, _ = await ask(pool)
        pool.release(first)
        pool.release(second)
        assert repr(pool) == "<HttpPool 0 in use, 2 idle, 2 open, 0 waiting>"
        assert await pool.lease(5) is second
        assert await pool.lease(5) is first
        assert len(server.writers) == 2


async def test_who_waits_longest_is_next() -> None:
    """Whoever came first gets the connection that becomes free first, and nobody overtakes."""
    async with a_pool(max_connections=1) as (pool, _):
        connection, _ = await ask(pool)
        turns: list[int] = []

        async def wait(number: int) -> None:
            leased, _ = await ask(pool)
            turns.append(number)
            pool.release(leased)

        waiting = [asyncio.create_task(wait(number)) for number in range(5)]
        await asyncio.sleep(0)
        assert repr(pool) == "<HttpPool 1 in use, 0 idle, 1 open, 5 waiting>"
        pool.release(connection)
        await wait(5)  # comes before the one that is next has had a turn of the loop
        await asyncio.gather(*waiting)
        assert turns == [0, 1, 2, 3, 4, 5]
        assert repr(pool) == "<HttpPool 0 in use, 1 idle, 1 open, 0 waiting>"


async def test_none_becomes_free() -> None:
    """Waiting ends in time and leaves no trace."""
    async with a_pool(max_connections=1) as (pool, _):
        connection, _ = await ask(pool)
        with pytest.raises(NoneFree):
            await pool.lease(0.02)
        assert repr(pool) == "<HttpPool 1 in use, 0 idle, 1 open, 0 waiting>"
        pool.release(connection)
        assert repr(pool) == "<HttpPool 0 in use, 1 idle, 1 open, 0 waiting>"


async def test_a_waiter_that_is_cancelled() -> None:
    """Before its turn it is left out; in the very moment of its turn, the next one gets the connection."""
    async with a_pool(max_connections=1) as (pool, _):
        connection, _ = await ask(pool)
        early, late, third = [asyncio.create_task(pool.lease(5)) for _ in range(3)]
        await asyncio.sleep(0)
        early.cancel()
        await asyncio.sleep(0)
        pool.release(connection)  # it is the turn of `late`, which has not run yet
        late.cancel()
        assert await third is connection
        await asyncio.gather(early, late, return_exceptions=True)
        assert (early.cancelled(), late.cancelled()) == (True, True)
        assert repr(pool) == "<HttpPool 1 in use, 0 idle, 1 open, 0 waiting>"
        pool.release(connection)


async def test_cancelled_while_it_connects() -> None:
    """The place of a connection that never came is free again."""
    never = asyncio.Event()

    async def connect() -> HttpConnection:
        await never.wait()
        raise AssertionError

    async with a_pool(max_connections=1, connect=connect) as (pool, _):
        lease = asyncio.create_task(pool.lease(5))
        await asyncio.sleep(0)
        assert repr(pool) == "<HttpPool 1 in use, 0 idle, 0 open, 0 waiting>"
        lease.cancel()
        await asyncio.gather(lease, return_exceptions=True)
        with pytest.raises(TimeoutError) as late:
            await pool.lease(0.02)
        assert type(late.value) is TimeoutError, "nobody waited for a place, only for the server"
        assert repr(pool) == "<HttpPool 0 in use, 0 idle, 0 open, 0 waiting>"


async def test_a_failed_connect_frees_its_place() -> None:
    """Those behind it try in their turn."""
    tries = 0

    async def connect() -> HttpConnection:
        nonlocal tries
        tries += 1
        await asyncio.sleep(0)
        raise ConnectionRefusedError

    async with a_pool(max_connections=1, connect=connect) as (pool, _):
        outcomes = await asyncio.gather(*(pool.lease(5) for _ in range(4)), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [ConnectionRefusedError] * 4
        assert tries == 4
        assert repr(pool) == "<HttpPool 0 in use, 0 idle, 0 open, 0 waiting>"


UNFIT: dict[str, bytes] = {
    "half a body": b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok",
    "a server that closes": b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
    "a second response": OK + OK,
    "garbage behind it": OK + b"\r\nmore",
}


@pytest.mark.parametrize("case", UNFIT)
async def test_a_connection_that_is_not_used_again(case: str) -> None:
    """Closed at once when it is given back."""
    async with a_pool() as (pool, server):
        server.answer = UNFIT[case]
        connection = await pool.lease(5)
        response = connection.request(ASK)
        await response.head()
        assert (await response.read())[:2] == b"ok"
        pool.release(connection)
        assert repr(pool) == "<HttpPool 0 in use, 0 idle, 1 open, 0 waiting>"
        await connection.lost
        await asyncio.sleep(0)
        assert repr(pool) == "<HttpPool 0 in use, 0 idle, 0 open, 0 waiting>"
        await eventually(lambda: server.open == 0)


async def test_an_idle_connection_that_the_server_spoke_on_or_closed() -> None:
    """Neither is used again, also before our loop had a turn to hear of it."""
    async with a_pool() as (pool, server):
        for is_closed in (False, True):
            connection, _ = await ask(pool)
            pool.release(connection)
            if is_closed:
                server.writers[-1].write_eof()
            else:
                server.writers[-1].write(OK)
            assert await pool.lease(5) is not connection
            assert "1 in use, 0 idle" in repr(pool)
            pool._free_slot()


async def test_a_server_that_speaks_unasked() -> None:
    """Its connection is closed at once, and not kept until somebody wants it or it expires."""
    async with a_pool() as (pool, server):
        connection, _ = await ask(pool)
        pool.release(connection)
        server.writers[0].write(OK)
        await eventually(lambda: server.open == 0)
        assert connection.lost.done()


async def test_a_connection_that_closes_in_this_very_turn() -> None:
    """Bytes that nobody asked for are read off the socket already, which looks quiet; it is not used again all the same.

    Nor is a new one on which the server spoke first: the request is not sent.
    """
    async with a_pool() as (pool, _):
        connection, _ = await ask(pool)
        pool.release(connection)
        connection.data_received(OK)
        fresh = await pool.lease(5)
        assert fresh is not connection
        fresh.data_received(b"220 mail.example ESMTP\r\n")
        with pytest.raises(ConnectionResetError, match="before the request"):
            await fresh.request(ASK).head()
        pool.release(fresh)


async def test_idle_connections_expire() -> None:
    """Those in use stay, and so do those that were used since."""
    async with a_pool(idle_seconds=0.1) as (pool, server):
        used, _ = await ask(pool)
        idle, _ = await ask(pool)
        pool.release(idle)
        await eventually(lambda: server.open == 1)
        assert repr(pool) == "<HttpPool 1 in use, 0 idle, 1 open, 0 waiting>"
        pool.release(used)
        later, _ = await ask(pool)
        assert later is used
        other, _ = await ask(pool)
        pool.release(other)
        await asyncio.sleep(0.02)
        pool.release(later)
        await eventually(lambda: server.open == 0)
