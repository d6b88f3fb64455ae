"""The broker as a whole: start, stop, and what a hostile client can do to it."""

import asyncio
import random
import signal
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.protocol.types import Array, Boolean, Bytes, Int8, Int16, Int32, Schema, String

from streamproc.embedded.apis.served import SERVED
from streamproc.embedded.broker import Broker, PortTaken
from streamproc.embedded.codes import Code
from streamproc.embedded.faults import Fault
from streamproc.embedded.log import PartitionLog
from tests.contract.broker.batches import Producer, batch
from tests.contract.broker.member import Member
from tests.contract.broker.partition import Partition, fetch_request
from tests.contract.broker.topics import make
from tests.contract.broker.transactor import Transactor
from tests.contract.broker.wire import Wire
from tests.contract.harness.waiting import eventually
from tests.servers.embedded import EmbeddedBroker

FOREVER_MS = 2_000_000_000
APIS = Path(__file__).parents[3] / "streamproc" / "embedded" / "apis"


async def test_a_stopped_broker_leaves_nothing_behind() -> None:
    """Neither connections nor tasks nor planned calls, whatever clients wait for."""
    before = asyncio.all_tasks()
    async with Broker() as broker:
        idle, reader, writer, member = [await Wire.to(broker.bootstrap) for _ in range(4)]
        (partition,) = await make(writer, "topic")
        transactor = Transactor(writer, "id")
        await transactor.start()
        await transactor.write(partition, b"value")
        assert (await Member(member, "group").join()).code == Code.MEMBER_ID_REQUIRED
        await reader.send(fetch_request([partition], 1, wait_ms=FOREVER_MS))

        def all_wait() -> bool:
            return len(broker._connections) == 4 and bool(partition_of(broker)._watchers)

        await eventually(all_wait)
        serving = [connection.serving for connection in broker._connections]
        assert len(broker._timers) == 2  # of a member's session, and of a transaction
        await broker.stop()
        assert all(task.done() for task in serving)
        assert (len(broker._timers), len(broker._connections), len(partition_of(broker)._watchers)) == (0, 0, 0)
        assert asyncio.all_tasks() == before
        for wire in (idle, reader, writer, member):
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await wire.receive()
            await wire.close()


def partition_of(broker: Broker) -> PartitionLog:
    """The only one."""
    log = broker._topics.log("topic", 0)
    assert log is not None
    return log


async def test_a_taken_port_is_told() -> None:
    """With the address in the sentence."""
    async with Broker() as broker:
        port = int(broker.bootstrap.rpartition(":")[2])
        with pytest.raises(PortTaken, match=broker.bootstrap):
            await Broker(port=port).start()
    async with Broker(port=port):
        pass


async def test_clients_are_told_where_the_broker_is() -> None:
    """Metadata names the host and the port it listens on."""
    async with Broker(host="localhost") as broker:
        producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)
        await producer.start()
        (node,) = producer.client.cluster.brokers()
        assert f"{node.host}:{node.port}" == broker.bootstrap
        await producer.stop()


async def test_records_go_from_a_producer_to_a_consumer() -> None:
    """With aiokafka's clients as they are: idempotent, compressed, over several partitions."""
    async with Broker() as broker:
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic("topic", 3, 1)])
        await admin.close()
        producer = AIOKafkaProducer(
            bootstrap_servers=broker.bootstrap, enable_idempotence=True, compression_type="gzip"
        )
        await producer.start()
        for number in range(3_000):
            await producer.send("topic", b"%d" % number, partition=number % 3)
        await producer.stop()
        consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest")
        await consumer.start()
        consumer.assign([TopicPartition("topic", number) for number in range(3)])
        values: dict[int, list[int]] = {0: [], 1: [], 2: []}
        while sum(map(len, values.values())) < 3_000:
            for tp, records in (await consumer.getmany(timeout_ms=1_000)).items():
                values[tp.partition] += [int(record.value) for record in records]
        await consumer.stop()
    assert values == {number: list(range(number, 3_000, 3)) for number in range(3)}


def test_every_api_in_the_folder_is_served() -> None:
    """A file that nobody listed would be dead code."""
    files = {path.stem for path in APIS.glob("*.py")} - {"__init__", "served"}
    assert files == {served.api.__name__.rpartition(".")[2] for served in SERVED.values()}  # type: ignore[attr-defined]  # modules
    assert all(key == (served.request.API_KEY, served.request.API_VERSION) for key, served in SERVED.items())


def test_the_thread_for_tests_starts_runs_and_stops() -> None:
    """Faults are set in the broker's own loop; a start that fails is told to the one who waits for it."""
    with EmbeddedBroker(marker_seconds=0.0) as broker:
        fault = broker.call(lambda inner: inner.faults.add(Fault("Produce", drop="before")))
        assert broker.call(lambda inner: inner.faults.of_request("Produce")) is fault
        port = int(broker.bootstrap.rpartition(":")[2])
        with pytest.raises(PortTaken), EmbeddedBroker(port=port):
            pass


def test_the_command_says_where_it_listens_and_what_it_is() -> None:
    """And ends with Ctrl-C, without a traceback."""
    command = [sys.executable, "-m", "streamproc.embedded", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert "127.0.0.1:" in line
    assert "nothing on disk" in line
    assert (process.returncode, errors) == (0, "")


def test_the_command_tells_of_a_taken_port() -> None:
    """In one sentence."""
    with EmbeddedBroker() as broker:
        port = broker.bootstrap.rpartition(":")[2]
        command = [sys.executable, "-m", "streamproc.embedded", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"The broker cannot start: another program listens on {broker.bootstrap} already."
    ]


@pytest.mark.parametrize("seed", range(4))
async def test_any_request_is_answered_or_ends_its_connection(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    """Well-formed with odd values, with some wrong bytes, or cut off: never a defect, and the broker serves on."""
    made = random.Random(seed)
    async with Broker() as broker:
        whole = await Wire.to(broker.bootstrap)
        (partition,) = await make(whole, "topic")
        wire = await Wire.to(broker.bootstrap)
        for number in range(400):
            key = made.choice([key for key in SERVED if key != (20, 3)])  # all but DeleteTopics
            body = damaged(made, odd(made, SERVED[key].request).encode())
            await wire.send_bytes(struct.pack(">hhih", *key, number, -1) + body)
            try:
                await asyncio.wait_for(wire.receive(), 0.05)
            except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
                # Some wait for long, as they may; acks 0 has no answer.
                await wire.close()
                wire = await Wire.to(broker.bootstrap)
        await wire.close()
        end = (await partition.fetch()).end
        assert (await Partition(whole, "topic").produce(batch(b"a"))).offset == end
        await whole.close()
    assert [line for line in caplog.records if line.exc_info] == []


def odd(made: random.Random, request: Any) -> Any:
    """A request of this kind with values that are rarely sensible."""
    fields = dict(zip(request.SCHEMA.names, (value(made, field) for field in request.SCHEMA.fields), strict=True))
    if "max_wait_time" in fields:
        fields["max_wait_time"] = min(fields["max_wait_time"], 10)
    return request(**fields)


def value(made: random.Random, field: Any) -> Any:
    """One value of a type of aiokafka's."""
    if isinstance(field, Schema):
        return tuple(value(made, inner) for inner in field.fields)
    if isinstance(field, Array):
        return [value(made, field.array_of) for _ in range(made.choice([0, 1, 1, 2]))]
    if isinstance(field, String):
        return made.choice(["", "topic", "topic", "group", "range", "consumer", "retention.ms", "5", "é" * 300, None])
    if field is Boolean:
        return made.random() < 0.5
    if field is Bytes:
        sequence = made.choice([0, 1, 2])
        return made.choice(
            [None, b"", b"\0" * 61, batch(b"a"), batch(b"a", producer=Producer(1_000, 0), sequence=sequence)]
        )
    bits = {Int8: 7, Int16: 15, Int32: 31}.get(field, 63)
    return made.choice([0, 0, 1, 1, 2, -1, -2, 5, 2**bits - 1, -(2**bits)])


def damaged(made: random.Random, body: bytes) -> bytes:
    """The same, with some bytes changed, or cut off."""
    what = made.random()
    if what < 0.6 or not body:
        return body
    if what < 0.7:
        return body[: made.randrange(len(body))]
    changed = bytearray(body)
    for _ in range(made.choice([1, 2, 8])):
        changed[made.randrange(len(changed))] = made.choice([0, 127, 255, made.randrange(256)])
    return bytes(changed)
