"""One transactional producer, request by request, with the versions that aiokafka has."""

from aiokafka.protocol.transaction import (
    AddOffsetsToTxnRequest_v0,
    AddPartitionsToTxnRequest_v0,
    EndTxnRequest_v0,
    InitProducerIdRequest_v0,
    TxnOffsetCommitRequest_v0,
)

from streamproc.embedded.codes import Code
from tests.contract.broker.batches import Producer, batch
from tests.contract.broker.partition import Partition, Produced
from tests.contract.broker.wire import Wire, settled

__all__ = ["Transactor"]


class Transactor:
    """A transactional id in use.

    Attributes:
        producer: id and epoch of the last `init` that succeeded; a test may set it.
    """

    def __init__(self, wire: Wire, transactional_id: str, *, timeout_ms: int = 60_000) -> None:
        self.wire, self.id, self.timeout_ms = wire, transactional_id, timeout_ms
        self.producer = Producer()
        self._sequences: dict[tuple[str, int], int] = {}

    async def init(self) -> Code:
        """One InitProducerId request."""
        answer = await self.wire.ask(InitProducerIdRequest_v0(self.id, self.timeout_ms))
        if answer.error_code == Code.NONE:
            self.producer, self._sequences = Producer(answer.producer_id, answer.producer_epoch), {}
        return Code(answer.error_code)

    async def start(self) -> None:
        """Has its producer id, however long the coordinator takes."""
        assert await settled(self.init) == Code.NONE

    async def add(self, partition: Partition) -> Code:
        """One AddPartitionsToTxn request."""
        (code,) = (await self.add_each(partition)).values()
        return code

    async def add_each(self, *partitions: Partition) -> dict[int, Code]:
        """One AddPartitionsToTxn request for partitions of one topic; the code of each."""
        topics = [(partitions[0].topic, [partition.number for partition in partitions])]
        answer = await self.wire.ask(AddPartitionsToTxnRequest_v0(self.id, *self.producer, topics))
        return {number: Code(code) for _, errors in answer.errors for number, code in errors}

    async def produce(self, partition: Partition, *values: bytes) -> Produced:
        """A transactional batch with the sequence that follows."""
        key = (partition.topic, partition.number)
        sequence = self._sequences.get(key, 0)
        data = batch(*values, producer=self.producer, sequence=sequence, transactional=True)
        produced = await partition.produce(data, transactional_id=self.id)
        if produced.code == Code.NONE:
            self._sequences[key] = sequence + len(values)
        return produced

    async def write(self, partition: Partition, *values: bytes) -> int:
        """Takes the partition in and writes to it; the offset of the first record."""
        assert await settled(self.add, partition) == Code.NONE
        produced = await self.produce(partition, *values)
        assert produced.code == Code.NONE
        return produced.offset

    async def add_offsets(self, group: str) -> Code:
        """One AddOffsetsToTxn request."""
        answer = await self.wire.ask(AddOffsetsToTxnRequest_v0(self.id, *self.producer, group))
        return Code(answer.error_code)

    async def commit_offset(self, group: str, topic: str, offset: int, metadata: str = "") -> Code:
        """One TxnOffsetCommit request, for partition 0."""
        topics = [(topic, [(0, offset, metadata)])]
        answer = await self.wire.ask(TxnOffsetCommitRequest_v0(self.id, group, *self.producer, topics))
        ((_, ((_, code),)),) = answer.errors
        return Code(code)

    async def end(self, *, commit: bool) -> Code:
        """One EndTxn request."""
        return Code((await self.wire.ask(EndTxnRequest_v0(self.id, *self.producer, commit))).error_code)

    async def commit(self) -> None:
        """Commits, and returns when the coordinator says so."""
        assert await settled(self.end, commit=True) == Code.NONE

    async def abort(self) -> None:
        """Aborts, and returns when the coordinator says so."""
        assert await settled(self.end, commit=False) == Code.NONE
