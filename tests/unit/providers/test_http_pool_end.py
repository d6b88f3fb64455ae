"""A pool that is closed: while calls run, wait and connect."""

import asyncio

import pytest

from streamproc.providers.http_connect import Connect
from streamproc.providers.http_connection import HttpConnection
from tests.fakes import eventually
from tests.unit.providers.pools import ASK, a_pool, ask


async def test_the_end() -> None:
    """Idle ones, used ones and waiters end at once; the sockets are closed when it returns, and nobody comes after."""
    async with a_pool(max_connections=2) as (pool, _):
        idle, _ = await ask(pool)
        used = await pool.lease(5)
        pool.release(idle)
        again = await pool.lease(5)
        waiter = asyncio.create_task(pool.lease(5))
        response = used.request(ASK)
        reader = asyncio.create_task(response.head())
        await asyncio.sleep(0)
        await pool.aclose()
        assert (used.lost.done(), again.lost.done()) == (True, True)
        for ended in (waiter, reader, pool.lease(5)):
            with pytest.raises(ConnectionAbortedError):
                await ended
        pool.release(used)
        pool.release(again)
        await asyncio.sleep(0)
        assert repr(pool) == "<HttpPool 0 in use, 0 idle, 0 open, 0 waiting>"


async def test_the_end_while_it_connects() -> None:
    """A connection that comes after the end is closed and not given out."""
    go_on = asyncio.Event()
    to_server: list[Connect] = []

    async def connect() -> HttpConnection:
        await go_on.wait()
        return await to_server[0]()

    async with a_pool(connect=connect) as (pool, server):
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        async with listening:
            to_server.append(Connect("127.0.0.1", listening.sockets[0].getsockname()[1], None))
            lease = asyncio.create_task(pool.lease(5))
            await asyncio.sleep(0)
            await pool.aclose()
            go_on.set()
            with pytest.raises(ConnectionAbortedError):
                await lease
            await eventually(lambda: len(server.writers) == 1 and server.open == 0)
        assert repr(pool).startswith("<HttpPool 0 in use, 0 idle")
