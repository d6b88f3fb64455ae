"""Which of a host's addresses a connection goes to. Real servers on several loopback addresses."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiohappyeyeballs import AddrInfoType

from streamproc.providers.http_connect import Connect
from tests.fakes import eventually


class Lookups:
    """Answers each lookup with these addresses, or fails while there are none."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.count = 0

    async def __call__(self, host: str, port: int) -> Sequence[AddrInfoType]:
        self.count += 1
        await asyncio.sleep(0)
        if not self.addresses:
            raise socket.gaierror(f"nobody knows {host}")
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, port)) for address in self.addresses]


@asynccontextmanager
async def servers(*addresses: str) -> AsyncIterator[tuple[int, list[str]]]:
    """Servers on the same port of these addresses: the port, and who was connected to, in order."""
    met: list[str] = []
    running = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal running
        running += 1
        met.append(writer.get_extra_info("sockname")[0])
        await reader.read()
        writer.transport.abort()
        running -= 1

    first = await asyncio.start_server(serve, addresses[0], 0)
    port = first.sockets[0].getsockname()[1]
    all_of_them = [first, *[await asyncio.start_server(serve, address, port) for address in addresses[1:]]]
    yield port, met
    for server in all_of_them:
        server.close()
    await eventually(lambda: running == 0)


async def connect(port: int, lookups: Lookups, count: int) -> list[str]:
    """Connects so many times at once; the addresses of the other side, in the order of the connections."""
    open_one = Connect("some.example", port, None, lookups)
    connections = await asyncio.gather(*(open_one() for _ in range(count)))
    peers = [connection._transport.get_extra_info("peername")[0] for connection in connections]
    for connection in connections:
        connection.abort()
        await connection.lost
    return peers


async def test_addresses_take_turns() -> None:
    """All servers of a host get connections, the first address first; a wave of connections asks once."""
    async with servers("127.0.0.1", "127.0.0.2") as (port, _):
        lookups = Lookups("127.0.0.1", "127.0.0.2")
        assert await connect(port, lookups, 4) == ["127.0.0.1", "127.0.0.2"] * 2
        assert lookups.count == 1


async def test_an_address_where_nobody_listens() -> None:
    """The next one is tried."""
    async with servers("127.0.0.2") as (port, met):
        assert await connect(port, Lookups("127.0.0.1", "127.0.0.2"), 2) == ["127.0.0.2"] * 2
        assert met == ["127.0.0.2"] * 2


async def test_a_failed_lookup_is_not_remembered() -> None:
    """A host that comes back is found at once."""
    async with servers("127.0.0.1") as (port, _):
        lookups = Lookups()
        open_one = Connect("some.example", port, None, lookups)
        outcomes = await asyncio.gather(*(open_one() for _ in range(3)), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [socket.gaierror] * 3
        assert lookups.count == 1
        lookups.addresses = ("127.0.0.1",)
        connection = await open_one()
        connection.abort()
        await connection.lost


async def test_nobody_listens_at_all() -> None:
    """The error of the system comes out."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            await connect(unused.getsockname()[1], Lookups("127.0.0.1", "127.0.0.2"), 1)


async def test_who_waits_for_a_lookup_may_go() -> None:
    """The others get its answer."""
    async with servers("127.0.0.1") as (port, _):
        lookups = Lookups("127.0.0.1")
        open_one = Connect("some.example", port, None, lookups)
        gone, stays = asyncio.create_task(open_one()), asyncio.create_task(open_one())
        await asyncio.sleep(0)
        gone.cancel()
        connection = await stays
        assert gone.cancelled()
        assert lookups.count == 1
        connection.abort()
        await connection.lost
