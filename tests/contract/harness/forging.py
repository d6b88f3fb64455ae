"""A dead owner of a partition, forged: it leaves notes in the journal and its claim beside the committed offset."""

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from streamproc.kafka.inherited import note_key
from streamproc.kafka.metadata import CommitMetadata
from streamproc.records.codec import encode_usage
from streamproc.records.identity import RunId
from streamproc.records.notes import encode_completed, encode_ended, encode_started
from streamproc.records.result import Result
from streamproc.records.terminal import result_records, usage_record
from streamproc.records.usage import UsageLine
from tests.contract.harness.stage import Stage

__all__ = ["DeadOwner"]


class DeadOwner:
    """What an assignment of this name would have written before it died. Notes about one run go to its partition."""

    def __init__(self, stage: Stage, name: str, *, age_seconds: float = 0.0) -> None:
        """`age_seconds`: how long ago its notes were written."""
        self._stage = stage
        self._name = name
        self._age_seconds = age_seconds

    async def started(self, run: RunId, line: UsageLine) -> None:
        """A call may begin."""
        await self._note(run, encode_started(self._name, str(run), encode_usage(line)))

    async def ended(self, run: RunId, usage_id: str, line: UsageLine | None) -> None:
        """A call ended, and this is its bill, if it has one."""
        bill = None if line is None else encode_usage(line)
        await self._note(run, encode_ended(self._name, str(run), usage_id, bill, "completed"))

    async def completed(self, run: RunId, result: Result, *, max_bytes: int = 10**6) -> None:
        """The run's answer, in as many notes as the result has parts."""
        for part in result_records(result, b"k", None, max_bytes):
            await self._note(run, encode_completed(self._name, str(run), part.value or b""))

    async def published(self, run: RunId, line: UsageLine) -> None:
        """A usage line that reached its topic."""
        record = usage_record(line, None)
        await self._stage.publish(
            record.value,
            key=record.key,
            headers=record.headers,
            partition=run.partition,
            topic=self._stage.settings.topics.usage,
        )

    async def _note(self, run: RunId, value: bytes) -> None:
        key = note_key(TopicPartition(run.topic, run.partition), run.offset)
        headers = [("owner", self._name.encode())]
        journal = self._stage.settings.topics.journal
        await self._stage.publish(
            value,
            key=key,
            headers=headers,
            partition=run.partition,
            topic=journal,
            age_seconds=self._age_seconds,
        )

    async def owned(self, run: RunId, metadata: CommitMetadata | None = None) -> None:
        """The partition of a run was its own up to that run; its successor reads the whole journal, unless it is said."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._stage.bootstrap, group_id=self._stage.settings.kafka.group, enable_auto_commit=False
        )
        key = TopicPartition(run.topic, run.partition)
        metadata = metadata or CommitMetadata(epoch=1, owner=self._name, journal=0)
        await consumer.start()
        try:
            consumer.assign([key])
            await consumer.commit({key: OffsetAndMetadata(run.offset, metadata.encode())})
        finally:
            await consumer.stop()
