"""One client's connection: order, end, and what goes wrong on request."""

import asyncio
import logging
import struct

import pytest
from aiokafka.protocol.admin import ApiVersionRequest_v0
from aiokafka.protocol.metadata import MetadataRequest_v5
from aiokafka.protocol.transaction import EndTxnRequest_v0

from streamproc.embedded.broker import Broker
from streamproc.embedded.codes import Code
from streamproc.embedded.faults import Fault
from streamproc.embedded.log import PartitionLog
from tests.contract.broker.batches import batch
from tests.contract.broker.partition import Partition, Produced, fetch_request
from tests.contract.broker.wire import Wire
from tests.contract.harness.waiting import eventually, eventually_found, stays
from tests.unit.embedded.conftest import Connect

FOREVER_MS = 2_000_000_000
CLOSED = (asyncio.IncompleteReadError, ConnectionError)


def log_of(broker: Broker, partition: Partition) -> PartitionLog:
    """The broker's side of it."""
    log = broker._topics.log(partition.topic, partition.number)
    assert log is not None
    return log


async def waits(broker: Broker, partition: Partition) -> None:
    """Returns when somebody waits for records."""
    log = log_of(broker, partition)

    async def is_watched() -> bool:
        return bool(log._watchers)

    await eventually_found(is_watched)


async def ends(broker: Broker, connections: int) -> None:
    """Returns when no more than so many connections are left."""

    async def are_gone() -> bool:
        return len(broker._connections) <= connections

    await eventually_found(are_gone)


async def test_a_client_that_hangs_up_is_waited_for_no_longer(
    broker: Broker, partition: Partition, connect: Connect
) -> None:
    """Its fetch would have gone on for weeks; it ends, and nobody watches the partition any more."""
    reader = await connect()
    await reader.send(fetch_request([partition], wait_ms=FOREVER_MS))
    await waits(broker, partition)
    await reader.close()
    await ends(broker, 1)
    assert not log_of(broker, partition)._watchers


async def test_a_client_may_send_ahead(broker: Broker, partition: Partition, connect: Connect) -> None:
    """What it sends while a request waits is kept, to a limit, and answered in its turn."""
    wire = await connect()
    reader = Partition(wire, partition.topic)
    await wire.send(fetch_request([reader], wait_ms=FOREVER_MS))
    await waits(broker, partition)
    ahead = [batch(b"x" * 900_000) for _ in range(40)]
    sending = asyncio.create_task(send_all(reader, ahead))
    await eventually(lambda: kept_ahead(broker) > 4_000_000)
    assert await stays(lambda: kept_ahead(broker), 0.1)
    assert kept_ahead(broker) < 6_000_000
    assert await partition.produce(batch(b"first")) == Produced(Code.NONE, 0)
    await sending
    for _ in range(1 + len(ahead)):
        await wire.receive()
    assert log_of(broker, partition).end == 41


def kept_ahead(broker: Broker) -> int:
    """Bytes of requests that wait for their turn, on the connection that has most of them."""
    return max(connection._frames.size for connection in broker._connections)


async def send_all(partition: Partition, batches: list[bytes]) -> None:
    """Without waiting for an answer."""
    for data in batches:
        await partition.wire.send(partition.produce_request(data, acks=-1))


async def test_a_client_that_takes_no_answers_is_read_no_further(
    broker: Broker, partition: Partition, connect: Connect
) -> None:
    """Answers pile up to the size of one, not of all that it asks for; when it reads again it gets them all."""
    for _ in range(8):
        await partition.produce(batch(b"x" * 1_000_000))
    reader = await connect()
    reader._writer.transport.pause_reading()  # type: ignore[attr-defined]  # a reader that has stalled
    for _ in range(10):
        await reader.send(fetch_request([partition]))

    async def is_stalled() -> bool:
        return any(not connection._writable.is_set() for connection in broker._connections)

    await eventually_found(is_stalled)
    waiting = [connection._transport.get_write_buffer_size() for connection in broker._connections]
    assert max(waiting) < 9_000_000
    reader._writer.transport.resume_reading()  # type: ignore[attr-defined]  # and goes on
    for _ in range(10):
        _, body = await reader.receive()
        assert len(body) > 8_000_000


@pytest.mark.parametrize(
    "sent",
    [
        struct.pack(">i", 0),
        struct.pack(">i", -1),
        struct.pack(">i", 2**31 - 1),
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack(">ihhih", 10, 999, 0, 1, -1),
        struct.pack(">ihhih", 10, 3, 99, 1, -1),
        struct.pack(">ihhihi", 14, 3, 5, 1, -1, 2**31 - 1),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=["empty", "negative", "huge", "http", "unknown-api", "unknown-version", "huge-count", "tls"],
)
async def test_bytes_that_are_no_request_end_their_connection(
    broker: Broker, partition: Partition, connect: Connect, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    """One line tells of it; everybody else goes on."""
    bad = await connect()
    bad._writer.write(sent)
    with pytest.raises(CLOSED):
        await bad.receive()
    assert [
        (line.levelno, "closed" in line.message) for line in caplog.records if line.name == "streamproc.embedded"
    ] == [(logging.WARNING, True)]
    assert await partition.produce(batch(b"a")) == Produced(Code.NONE, 0)
    await ends(broker, 1)


async def test_a_client_that_is_gone_takes_its_bytes_along(broker: Broker, connect: Connect) -> None:
    """Half a frame of any size. It stayed until Python looked for circles of objects, which bytes alone do not bring on."""
    wire = await connect()
    (connection,) = broker._connections
    frames = connection._frames
    wire._writer.write(struct.pack(">i", 4_000_000) + bytes(2_000_000))
    await eventually(lambda: frames.size > 1_000_000)
    await wire.close()
    await eventually(lambda: frames.size == 0)


async def test_a_defect_costs_one_connection(
    broker: Broker,
    partition: Partition,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is logged with all that is needed to find it."""
    bad = await connect()
    with monkeypatch.context() as patch:
        patch.setattr(broker._topics, "get", None)
        await bad.send(MetadataRequest_v5(["topic"], False))
        with pytest.raises(CLOSED):
            await bad.receive()
    (line,) = [line for line in caplog.records if line.name == "streamproc.embedded"]
    assert line.exc_info is not None
    assert await partition.produce(batch(b"a")) == Produced(Code.NONE, 0)


async def test_an_error_on_request_takes_the_place_of_the_work(broker: Broker, partition: Partition) -> None:
    """For the partition it names, as often as it says."""
    fault = broker.faults.add(Fault("Produce", "topic", 0, error=Code.NOT_LEADER_OR_FOLLOWER, times=2))
    other = Partition(partition.wire, "topic", 1)
    assert await other.produce(batch(b"a")) == Produced(Code.NONE, 0)
    codes = [(await partition.produce(batch(b"a"))).code for _ in range(3)]
    assert codes == [Code.NOT_LEADER_OR_FOLLOWER, Code.NOT_LEADER_OR_FOLLOWER, Code.NONE]
    assert (fault.met, log_of(broker, partition).end) == (2, 1)


@pytest.mark.parametrize(("drop", "stored"), [("before", 0), ("after", 1)])
async def test_an_answer_is_dropped_on_request(
    broker: Broker, partition: Partition, connect: Connect, drop: str, stored: int
) -> None:
    """Before the work or after it: the client cannot tell which."""
    broker.faults.add(Fault("Produce", drop=drop))
    with pytest.raises(CLOSED):
        await Partition(await connect(), "topic").produce(batch(b"a"))
    assert log_of(broker, partition).end == stored
    assert await partition.produce(batch(b"a")) == Produced(Code.NONE, stored)


async def test_a_delay_on_request_holds_up_its_own_connection_only(
    broker: Broker, partition: Partition, connect: Connect
) -> None:
    """Others are served meanwhile, and the delayed request is answered in the end."""
    fault = broker.faults.add(Fault("Metadata", delay_seconds=0.2))
    slow = await connect()
    waiting = asyncio.create_task(slow.ask(MetadataRequest_v5([], False)))

    async def is_met() -> bool:
        return fault.met == 1

    await eventually_found(is_met)
    assert await partition.produce(batch(b"a")) == Produced(Code.NONE, 0)
    assert not waiting.done()
    assert (await waiting).topics == []


async def test_an_error_on_request_meets_apis_without_partitions(broker: Broker, connect: Connect) -> None:
    """Their whole answer is the code."""
    broker.faults.add(Fault("EndTxn", error=Code.CONCURRENT_TRANSACTIONS))
    answer = await (await connect()).ask(EndTxnRequest_v0("id", 1, 0, True))
    assert answer.error_code == Code.CONCURRENT_TRANSACTIONS


async def test_deleting_a_topic_wakes_who_waits_for_its_records(
    broker: Broker, partition: Partition, connect: Connect
) -> None:
    """The client is told, so that it looks for its topics anew."""
    reader = Partition(await connect(), partition.topic)
    waiting = asyncio.create_task(reader.fetch(wait_ms=FOREVER_MS))
    await waits(broker, partition)
    broker._topics.delete(partition.topic)
    assert (await waiting).code == Code.UNKNOWN_TOPIC_OR_PARTITION


async def test_many_clients_wait_and_all_are_woken(broker: Broker, partition: Partition, connect: Connect) -> None:
    """A hundred readers of one partition get the same record."""
    readers = [Partition(await connect(), partition.topic) for _ in range(100)]
    waiting = [asyncio.create_task(reader.fetch(wait_ms=FOREVER_MS)) for reader in readers]

    async def all_wait() -> bool:
        return len(log_of(broker, partition)._watchers) == len(readers)

    await eventually_found(all_wait)
    await partition.produce(batch(b"a"))
    assert [fetched.values for fetched in await asyncio.gather(*waiting)] == [[b"a"]] * len(readers)
    assert not log_of(broker, partition)._watchers


async def test_a_first_question_may_be_for_versions(connect: Connect) -> None:
    """It is the only one that is answered in several versions."""
    wire: Wire = await connect()
    answer = await wire.ask(ApiVersionRequest_v0())
    assert (18, 0, 2) in answer.api_versions
