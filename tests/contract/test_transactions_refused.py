"""A broker that lets nobody have transactions ends the worker with a sentence; waiting would not mend it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from streamproc.embedded.codes import Code
from streamproc.embedded.faults import Fault
from streamproc.errors import SetupError
from streamproc.kafka.topics import create_topics
from tests.contract.harness.member import prepared_member
from tests.contract.harness.settings import make_settings
from tests.contract.harness.stage import Stage, staged
from tests.contract.harness.waiting import eventually
from tests.servers.embedded import EmbeddedBroker

MODEL = "mock-t5-i1-f2"


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    """A broker that can be told what to refuse; Kafka would have to be started with other rights for each test."""
    with EmbeddedBroker() as broker:
        yield broker


@asynccontextmanager
async def fault(broker: EmbeddedBroker, api: str, code: Code, topic: str | None = None) -> AsyncIterator[Fault]:
    """While the block lasts, every request of this API is answered so, for one topic or for all."""
    waiting = Fault(api, topic, error=code, times=None)
    broker.call(lambda broker: broker.faults.add(waiting))
    try:
        yield waiting
    finally:
        broker.call(lambda broker: broker.faults.remove(waiting))


async def nothing_was_done(stage: Stage) -> bool:
    """Neither a record nor a call nor an offset."""
    await stage.outputs.rest()
    return (stage.outputs.records, stage.mock.stats.snapshot()["requests"], await stage.committed()) == ([], 0, {})


async def run_without_transactions(broker: EmbeddedBroker, stage: Stage, code: Code) -> None:
    """A worker whose producer of chunks gets an id, before the group is joined, and whose transactors get none."""
    async with prepared_member(stage.settings) as member, AsyncExitStack() as refusing:
        async with fault(broker, "JoinGroup", Code.COORDINATOR_LOAD_IN_PROGRESS) as waiting:
            joining = asyncio.create_task(member.join())
            await eventually(lambda: waiting.met)
            await refusing.enter_async_context(fault(broker, "InitProducerId", code))
        await joining
        await eventually(lambda: member.has_ended)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            Code.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
            r"Kafka does not allow transactions under the id .*\.group/.*\.(requests|deferred)/\d: .* ACLs Write and Describe",
        ),
        (Code.UNSUPPORTED_VERSION, "the broker cannot do transactions: streamproc needs a Kafka broker with "),
        (
            Code.INVALID_TRANSACTION_TIMEOUT,
            r"as long as kafka\.transaction_timeout_seconds .* transaction\.max\.timeout",
        ),
    ],
)
async def test_a_worker_without_transactions_ends(
    code: Code, words: str, broker: EmbeddedBroker, topic_prefix: str
) -> None:
    """It claimed again and again for ever, once, and only its log said why."""
    async with staged(broker.bootstrap, topic_prefix, MODEL) as stage:
        await stage.ask(MODEL)
        with pytest.raises(SetupError, match=words):
            await run_without_transactions(broker, stage, code)
        assert await nothing_was_done(stage)


async def test_a_broker_that_knows_no_producer_ids_ends_the_start(broker: EmbeddedBroker, topic_prefix: str) -> None:
    """Before the group is joined: the chunks' producer needs one, too."""
    async with staged(broker.bootstrap, topic_prefix, MODEL) as stage:
        await stage.ask(MODEL)
        async with fault(broker, "InitProducerId", Code.UNSUPPORTED_VERSION):
            with pytest.raises(
                SetupError, match=r"cannot do what is needed for .*: streamproc needs a Kafka broker with"
            ):
                async with prepared_member(stage.settings) as member:
                    await member.join()
        assert await nothing_was_done(stage)


@pytest.mark.parametrize("role", ["journal", "usage"])
async def test_a_worker_that_may_not_read_what_a_crash_leaves_does_not_start(
    role: str, broker: EmbeddedBroker, topic_prefix: str
) -> None:
    """The right to read usage lines is needed after a crash only.

    Without it all went well for weeks, and then nobody could claim the partitions of a worker that had died.
    """
    settings = make_settings(broker.bootstrap, topic_prefix, "http://127.0.0.1:1/v1", (MODEL,))
    await create_topics(settings)
    topic: str = getattr(settings.topics, role)
    async with fault(broker, "Fetch", Code.TOPIC_AUTHORIZATION_FAILED, topic):
        with pytest.raises(SetupError, match=rf"not allow reading the journal and usage topics: .*{topic}.* ACLs"):
            async with prepared_member(settings) as member:
                await member.join()
