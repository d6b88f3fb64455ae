"""Fetch: what comes, how much of it, and when."""

import asyncio

from aiokafka.protocol.fetch import FetchRequest_v11

from streamproc.embedded.codes import Code
from tests.contract.broker.batches import batch
from tests.contract.broker.conftest import Connect
from tests.contract.broker.partition import Partition, fetch_request
from tests.contract.broker.topics import make
from tests.contract.broker.wire import Wire

FOREVER_MS = 2_000_000_000


async def test_the_answer_tells_where_the_log_begins_and_ends(partition: Partition) -> None:
    """Without transactions the last stable offset is the end."""
    await partition.produce(batch(b"a", b"b"))
    fetched = await partition.fetch()
    assert (fetched.start, fetched.stable, fetched.end) == (0, 2, 2)


async def test_a_fetch_from_inside_a_batch_brings_the_whole_batch(partition: Partition) -> None:
    """A client throws away what it did not ask for."""
    await partition.produce(batch(b"a", b"b", b"c"))
    await partition.produce(batch(b"d"))
    assert [stored.offsets for stored in (await partition.fetch(1)).batches] == [[0, 1, 2], [3]]
    assert [stored.offsets for stored in (await partition.fetch(3)).batches] == [[3]]


async def test_a_fetch_outside_the_log_is_refused(partition: Partition) -> None:
    """Behind the end, and below the beginning."""
    await partition.produce(batch(b"a"))
    for offset in (2, -1, -5):
        fetched = await partition.fetch(offset)
        assert (fetched.code, fetched.data) == (Code.OFFSET_OUT_OF_RANGE, b"")


async def test_a_fetch_outside_the_log_does_not_wait(partition: Partition) -> None:
    """Errors are told at once, however long the client would wait for records."""
    assert (await partition.fetch(1, wait_ms=FOREVER_MS)).code == Code.OFFSET_OUT_OF_RANGE


async def test_a_leader_epoch_that_never_was_is_refused(partition: Partition) -> None:
    """A client may say which leader it believes in; -1 says nothing."""
    codes = []
    for epoch in (-1, 0, 1_000):
        request = fetch_request([partition])
        request.topics = [(partition.topic, [(0, epoch, 0, -1, 1_000)])]
        ((_, ((_, code, *_),)),) = (await partition.wire.ask(request)).topics
        codes.append(code)
    assert codes == [Code.NONE, Code.NONE, Code.UNKNOWN_LEADER_EPOCH]


async def test_a_fetch_session_that_is_not_there_is_told(wire: Wire) -> None:
    """The client begins without one then."""
    request = FetchRequest_v11(-1, 0, 1, 1_000, 0, 123_456_789, 7, [], [], "")
    assert (await wire.ask(request)).error_code == Code.FETCH_SESSION_ID_NOT_FOUND


async def test_an_unknown_topic_or_partition_is_told(partition: Partition) -> None:
    """And not waited for."""
    nowhere = Partition(partition.wire, f"{partition.topic}.nowhere")
    assert (await nowhere.fetch(wait_ms=FOREVER_MS)).code == Code.UNKNOWN_TOPIC_OR_PARTITION
    beyond = Partition(partition.wire, partition.topic, 1)
    assert (await beyond.fetch(wait_ms=FOREVER_MS)).code == Code.UNKNOWN_TOPIC_OR_PARTITION


async def test_a_fetch_at_the_end_waits_no_longer_than_it_may(partition: Partition) -> None:
    """Then it is answered without records."""
    fetched = await partition.fetch(0, wait_ms=50)
    assert (fetched.code, fetched.data) == (Code.NONE, b"")


async def test_a_fetch_of_0_bytes_at_least_does_not_wait(partition: Partition) -> None:
    """Nothing is enough for it."""
    assert (await partition.fetch(0, wait_ms=FOREVER_MS, min_bytes=0)).data == b""


async def test_a_waiting_fetch_is_woken_by_a_record(partition: Partition, connect: Connect) -> None:
    """It would wait for minutes otherwise."""
    reader = Partition(await connect(), partition.topic)
    waiting = asyncio.create_task(reader.fetch(0, wait_ms=FOREVER_MS))
    await partition.produce(batch(b"a"))
    assert (await waiting).values == [b"a"]


async def test_a_waiting_fetch_of_many_partitions_is_woken_by_any(
    wire: Wire, connect: Connect, topic_prefix: str
) -> None:
    """One request asks for several, and one of them gets a record."""
    partitions = await make(wire, f"{topic_prefix}.many", 3)
    reader = await connect()
    waiting = asyncio.create_task(reader.ask(fetch_request(partitions, wait_ms=FOREVER_MS)))
    await partitions[1].produce(batch(b"a"))
    ((_, answered),) = (await waiting).topics
    assert [number for number, *_, data in answered if data] == [1]


async def test_a_fetch_waits_for_as_many_bytes_as_it_wants(partition: Partition, connect: Connect) -> None:
    """A record alone is too little; what comes later is brought with it."""
    small, large = batch(b"a"), batch(b"b" * 1_000)
    reader = Partition(await connect(), partition.topic)
    await partition.produce(small)
    waiting = asyncio.create_task(reader.fetch(0, wait_ms=FOREVER_MS, min_bytes=len(small) + len(large)))
    await partition.produce(small)
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    assert not done
    await partition.produce(large)
    assert (await waiting).values == [b"a", b"a", b"b" * 1_000]


async def test_requests_of_a_connection_are_answered_in_order(partition: Partition, connect: Connect) -> None:
    """Also when the first one waits: what is behind it on the same connection waits too."""
    wire = await connect()
    reader = Partition(wire, partition.topic)
    await wire.send(fetch_request([reader], wait_ms=FOREVER_MS))
    await wire.send(reader.produce_request(batch(b"behind"), acks=1))
    first = asyncio.create_task(wire.receive())
    done, _ = await asyncio.wait([first], timeout=0.1)
    assert not done
    await partition.produce(batch(b"a"))
    correlations = [(await first)[0], (await wire.receive())[0]]
    assert correlations == [1, 2]
    assert (await partition.fetch()).values == [b"a", b"behind"]


async def test_a_first_batch_comes_whole_however_big(partition: Partition) -> None:
    """A client could not get past it otherwise; after it the limit counts."""
    await partition.produce(batch(b"x" * 5_000))
    await partition.produce(batch(b"y" * 5_000))
    assert (await partition.fetch(0, partition_max_bytes=100)).values == [b"x" * 5_000]
    assert (await partition.fetch(0, max_bytes=100)).values == [b"x" * 5_000]


async def test_a_partition_gives_no_more_than_its_limit(partition: Partition) -> None:
    """Whole batches only count; the last may be cut off."""
    data = batch(b"x" * 1_000)
    for _ in range(10):
        await partition.produce(data)
    fetched = await partition.fetch(0, partition_max_bytes=4 * len(data) + 10)
    assert len(fetched.data) <= 4 * len(data) + 10
    assert len(fetched.batches) == 4


async def test_a_request_gives_no_more_than_its_limit_over_all_partitions(wire: Wire, topic_prefix: str) -> None:
    """The first partition with records is served whole, the second not above what is left."""
    partitions = await make(wire, f"{topic_prefix}.many", 2)
    data = batch(b"x" * 1_000)
    for partition in partitions:
        for _ in range(3):
            await partition.produce(data)
    ((_, answered),) = (await wire.ask(fetch_request(partitions, max_bytes=4 * len(data)))).topics
    sizes = [len(data) for *_, data in sorted(answered)]
    assert sum(sizes) <= 4 * len(data)
    assert max(sizes) == 3 * len(data)


async def test_a_whole_log_is_read_batch_by_batch(partition: Partition) -> None:
    """Each fetch goes on behind the last record of the one before."""
    for n in range(50):
        await partition.produce(batch(*[b"%d.%d" % (n, m) for m in range(n % 3 + 1)]))
    values, offset = [], 0
    while batches := (await partition.fetch(offset, partition_max_bytes=300)).batches:
        for stored in batches:
            values += stored.values
            offset = stored.offsets[-1] + 1
    assert values == [b"%d.%d" % (n, m) for n in range(50) for m in range(n % 3 + 1)]
