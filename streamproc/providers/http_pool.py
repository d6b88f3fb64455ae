"""The connections to one server: at most so many, used again, and closed when nobody wants them for a while."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from streamproc.providers.http_connection import HttpConnection

__all__ = ["HttpPool", "NoneFree", "PoolState"]


class NoneFree(TimeoutError):
    """All connections were in use for as long as one would wait."""


class PoolState(NamedTuple):
    """A pool at one moment, in numbers.

    Attributes:
        active: connections in use or being opened.
        idle: connections that wait for their next use.
        waiting: leases that wait until a connection becomes free.
        waits: leases so far that found no connection idle, over by now.
        waited_seconds: how long those took together, until a connection was there or they gave up.
    """

    active: int
    idle: int
    waiting: int
    waits: int
    waited_seconds: float


class HttpPool:
    """Lends connections; who waits longest is next. A request is never sent twice: it might be answered twice.

    A connection counts from the moment somebody starts to connect. There are never more of them, in use and idle, than
    `max_connections`: a new one is opened only when none is idle.
    """

    def __init__(
        self, connect: Callable[[], Awaitable[HttpConnection]], *, max_connections: int, idle_seconds: float
    ) -> None:
        """Opens no connection yet.

        Args:
            connect: opens one; its errors come out of `lease`.
            max_connections: in use at once.
            idle_seconds: how long one may wait for its next use; 0 closes it after the first.
        """
        self._connect = connect
        self._max_connections = max_connections
        self._idle_seconds = idle_seconds
        self._in_use = 0
        self._idle: deque[tuple[float, HttpConnection]] = deque()  # by when they become too old, the freshest last
        self._open: set[HttpConnection] = set()
        self._waiters: OrderedDict[asyncio.Future[None], None] = OrderedDict()
        self._expiry: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._waits = 0
        self._waited_seconds = 0.0

    def __repr__(self) -> str:
        return (
            f"<HttpPool {self._in_use} in use, {len(self._idle)} idle, {len(self._open)} open, "
            f"{len(self._waiters)} waiting>"
        )

    @property
    def state(self) -> PoolState:
        """Reads plain numbers only, so another thread may ask."""
        return PoolState(self._in_use, len(self._idle), len(self._waiters), self._waits, self._waited_seconds)

    async def lease(self, within_seconds: float) -> HttpConnection:
        """A connection, to be given back with `release`.

        Raises:
            NoneFree: all were in use until the time was over.
            TimeoutError: the server did not take the connection in time.
            OSError: it refused; there is no such host; TLS failed; the pool is closed.
        """
        if self._is_closed:
            raise ConnectionAbortedError("the client is closed")
        if self._in_use < self._max_connections and (idle := self._take_idle()) is not None:
            self._in_use += 1
            return idle
        has_slot = False
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(within_seconds):
                await self._slot()
                has_slot = True
                return self._take_idle() or await self._new()
        except TimeoutError as exc:
            if not has_slot:
                raise NoneFree("no connection became free in time") from exc
            self._free_slot()
            raise
        except BaseException:
            if has_slot:
                self._free_slot()
            raise
        finally:
            self._waits += 1
            self._waited_seconds += loop.time() - began

    def release(self, connection: HttpConnection) -> None:
        """Takes a connection back; it is closed unless its last response is over and it may be used again."""
        if self._idle_seconds and connection.is_reusable:
            loop = asyncio.get_running_loop()
            self._idle.append((loop.time() + self._idle_seconds, connection))
            if self._expiry is None:
                self._expiry = loop.call_later(self._idle_seconds, self._expire)
        else:
            connection.abort()
        self._free_slot()

    async def aclose(self) -> None:
        """Closes all connections, also those in use, and waits until their sockets are closed."""
        self._is_closed = True
        self._idle.clear()
        if self._expiry is not None:
            self._expiry.cancel()
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(ConnectionAbortedError("the client is closed"))
        for connection in self._open:
            connection.abort()
        if self._open:
            await asyncio.wait([connection.lost for connection in self._open])

    async def _slot(self) -> None:
        if self._in_use < self._max_connections:
            self._in_use += 1
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = None
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._free_slot()  # it came in the moment of the cancellation
            raise
        finally:
            self._waiters.pop(waiter, None)

    def _free_slot(self) -> None:
        while self._waiters:
            waiter, _ = self._waiters.popitem(last=False)
            if not waiter.done():
                waiter.set_result(None)  # the slot goes from hand to hand
                return
        self._in_use -= 1

    def _take_idle(self) -> HttpConnection | None:
        while self._idle:
            _, connection = self._idle.pop()
            if connection.is_quiet():
                return connection
            connection.abort()
        return None

    async def _new(self) -> HttpConnection:
        connection = await self._connect()
        self._open.add(connection)
        connection.lost.add_done_callback(lambda _: self._open.discard(connection))
        if self._is_closed:
            connection.abort()
            raise ConnectionAbortedError("the client is closed")
        return connection

    def _expire(self) -> None:
        self._expiry = None
        loop = asyncio.get_running_loop()
        while self._idle and self._idle[0][0] <= loop.time():
            self._idle.popleft()[1].abort()
        if self._idle:
            self._expiry = loop.call_at(self._idle[0][0], self._expire)
