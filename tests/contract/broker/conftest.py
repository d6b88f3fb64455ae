"""Each test runs on the embedded broker and on Apache Kafka; what Apache Kafka does is right."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from streamproc.embedded.codes import Code
from tests.contract.broker.crew import Crew
from tests.contract.broker.groups import GROUP, TRANSACTION, coordinator, describe
from tests.contract.broker.partition import Partition
from tests.contract.broker.topics import make
from tests.contract.broker.transactor import Transactor
from tests.contract.broker.wire import Wire
from tests.contract.harness.waiting import eventually_found

Connect = Callable[[], Awaitable[Wire]]


@pytest.fixture(scope="session")
def bootstrap(bootstrap: str) -> str:
    """Address of a broker that is ready for groups and transactions."""
    asyncio.run(_coordinators_are_up(bootstrap))
    return bootstrap


@pytest_asyncio.fixture
async def connect(bootstrap: str) -> AsyncIterator[Connect]:
    """Opens connections, which are closed after the test."""
    opened: list[Wire] = []

    async def open_one() -> Wire:
        opened.append(await Wire.to(bootstrap))
        return opened[-1]

    yield open_one
    for wire in opened:
        await wire.close()


@pytest_asyncio.fixture
async def wire(connect: Connect) -> Wire:
    """A connection."""
    return await connect()


@pytest_asyncio.fixture
async def partition(wire: Wire, topic_prefix: str) -> Partition:
    """The only partition of a new topic."""
    (made,) = await make(wire, f"{topic_prefix}.topic")
    return made


@pytest_asyncio.fixture
async def transactor(connect: Connect, topic_prefix: str) -> Transactor:
    """A transactional producer that has its id."""
    made = Transactor(await connect(), f"{topic_prefix}.transactor")
    await made.start()
    return made


@pytest.fixture
def crew(connect: Connect, topic_prefix: str) -> Crew:
    """Members of the test's group."""
    return Crew(connect, f"{topic_prefix}.group")


async def _coordinators_are_up(bootstrap: str) -> None:
    """Makes the internal topics and waits for all their partitions, so that no test meets a code of the start.

    The partition follows from the hash of the name; names that differ in their last digit fall into different ones.
    """
    wire = await Wire.to(bootstrap)

    async def are_up() -> bool:
        codes = [(await coordinator(wire, "warm", kind)).error_code for kind in (GROUP, TRANSACTION)]
        for name in [f"warm{digit}" for digit in range(8)]:
            codes += [await Transactor(wire, name).init(), (await describe(wire, name)).code]
        return set(codes) == {Code.NONE}

    try:
        await eventually_found(are_up)
    finally:
        await wire.close()
