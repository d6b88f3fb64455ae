"""One partition of a topic, written, read and asked for offsets by single requests."""

from collections.abc import Sequence
from typing import NamedTuple

from aiokafka.protocol.fetch import FetchRequest_v11
from aiokafka.protocol.offset import OffsetRequest_v3
from aiokafka.protocol.produce import ProduceRequest_v7

from streamproc.embedded.codes import Code
from tests.contract.broker.batches import Batch, read
from tests.contract.broker.wire import Wire
from tests.contract.harness.waiting import eventually_found

__all__ = ["EARLIEST", "LATEST", "Fetched", "Found", "Partition", "Produced", "fetch_request"]

LATEST, EARLIEST = -1, -2


class Produced(NamedTuple):
    """Answer to Produce for one partition."""

    code: Code
    offset: int


class Fetched(NamedTuple):
    """Answer to Fetch for one partition; `aborted` are (producer id, first offset)."""

    code: Code
    end: int
    stable: int
    start: int
    aborted: list[tuple[int, int]]
    data: bytes

    @property
    def batches(self) -> list[Batch]:
        """The whole batches in it."""
        return read(self.data)

    @property
    def values(self) -> list[bytes | None]:
        """Values of all records, markers of transactions left out, aborted records not."""
        return [value for batch in self.batches if not batch.is_control for value in batch.values]


class Found(NamedTuple):
    """Answer to ListOffsets for one partition."""

    code: Code
    timestamp: int
    offset: int


class Partition:
    """A partition as seen over one connection."""

    def __init__(self, wire: Wire, topic: str, number: int = 0) -> None:
        self.wire, self.topic, self.number = wire, topic, number

    async def produce(self, data: bytes, *, acks: int = -1, transactional_id: str | None = None) -> Produced:
        """Sends batches and gives what became of them."""
        answer = await self.wire.ask(self.produce_request(data, acks=acks, transactional_id=transactional_id))
        ((topic, ((number, code, offset, *_),)),) = answer.topics
        assert (topic, number) == (self.topic, self.number)
        return Produced(Code(code), offset)

    def produce_request(self, data: bytes, *, acks: int, transactional_id: str | None = None) -> ProduceRequest_v7:
        """The request by itself; with acks 0 nothing answers it."""
        return ProduceRequest_v7(transactional_id, acks, 10_000, [(self.topic, [(self.number, data)])])

    async def fetch(
        self,
        offset: int = 0,
        *,
        committed: bool = False,
        wait_ms: int = 0,
        min_bytes: int = 1,
        max_bytes: int = 50_000_000,
        partition_max_bytes: int = 50_000_000,
    ) -> Fetched:
        """What is there from an offset on; `committed` is the isolation level read_committed."""
        request = fetch_request(
            [self],
            offset,
            committed=committed,
            wait_ms=wait_ms,
            min_bytes=min_bytes,
            max_bytes=max_bytes,
            partition_max_bytes=partition_max_bytes,
        )
        answer = await self.wire.ask(request)
        assert answer.error_code == Code.NONE
        ((topic, ((number, code, end, stable, start, aborted, _, data),)),) = answer.topics
        assert (topic, number) == (self.topic, self.number)
        return Fetched(Code(code), end, stable, start, aborted or [], data or b"")

    async def find(self, timestamp: int, *, committed: bool = False) -> Found:
        """Offset of the first record at or after a time in milliseconds, or EARLIEST, or LATEST."""
        answer = await self.wire.ask(OffsetRequest_v3(-1, committed, [(self.topic, [(self.number, timestamp)])]))
        ((_, ((_, code, found, offset),)),) = answer.topics
        return Found(Code(code), found, offset)

    async def has_stable(self, offset: int) -> None:
        """Waits until the last stable offset is this one: markers are written after EndTxn was answered."""

        async def is_so() -> bool:
            return (await self.find(LATEST, committed=True)).offset == offset

        await eventually_found(is_so)


def fetch_request(
    partitions: Sequence[Partition],
    offset: int = 0,
    *,
    committed: bool = False,
    wait_ms: int = 0,
    min_bytes: int = 1,
    max_bytes: int = 50_000_000,
    partition_max_bytes: int = 50_000_000,
) -> FetchRequest_v11:
    """A request for several partitions of one topic, from the same offset on."""
    wanted = [(partition.number, -1, offset, -1, partition_max_bytes) for partition in partitions]
    topics = [(partitions[0].topic, wanted)]
    return FetchRequest_v11(-1, wait_ms, min_bytes, max_bytes, committed, 0, -1, topics, [], "")
