"""A broker in the test's own event loop, and connections to it."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest_asyncio

from streamproc.embedded.broker import Broker
from tests.contract.broker.partition import Partition
from tests.contract.broker.topics import make
from tests.contract.broker.wire import Wire

Connect = Callable[[], Awaitable[Wire]]


@pytest_asyncio.fixture
async def broker() -> AsyncIterator[Broker]:
    """Listens on a free port."""
    async with Broker() as started:
        yield started


@pytest_asyncio.fixture
async def connect(broker: Broker) -> AsyncIterator[Connect]:
    """Opens connections, which are closed after the test."""
    opened: list[Wire] = []

    async def open_one() -> Wire:
        opened.append(await Wire.to(broker.bootstrap))
        return opened[-1]

    yield open_one
    for wire in opened:
        await wire.close()


@pytest_asyncio.fixture
async def partition(connect: Connect) -> Partition:
    """The first of two of a new topic."""
    return (await make(await connect(), "topic", 2))[0]
