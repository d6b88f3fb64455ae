"""A dead owner of a partition, forged: it leaves notes in the journal and its claim beside the committed offset."""

from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from streamproc.kafka.inherited import note_key
from streamproc.kafka.metadata import CommitMetadata
from streamproc.records.codec import encode_usage
from streamproc.records.identity import RunId, usage_id
from streamproc.records.notes import encode_completed, encode_ended, encode_started
from streamproc.records.result import Result
from streamproc.records.terminal import result_records, usage_record
from streamproc.records.usage import TokenCounts, UsageLine
from tests.contract.harness.stage import Stage

__all__ = ["DeadOwner", "a_line", "an_answer"]


def a_line(run: RunId, attempt: int = 1000, *, age_seconds: float = 0.0, **fields: Any) -> UsageLine:
    """The bill of a call of a run, which began so long after the run's record came."""
    began = datetime.fromtimestamp(run.timestamp_ms / 1000 + age_seconds, UTC)
    usual = {
        "usage_id": usage_id(str(run), attempt, 1),
        "run_id": str(run),
        "request_id": "asked",
        "tenant": "default",
        "attempt": attempt,
        "provider": "mock",
        "model": "m",
        "tokens": TokenCounts(input=7, output=8),
        "cost_nanos": 23_000,
        "basis": "provider",
        "price_version": "forged",
        "input_hash": "0" * 64,
        "started_at": began,
        "ended_at": began,
    }
    return UsageLine.model_validate({**usual, **fields})


def an_answer(run: RunId, attempt: int = 1000, **fields: Any) -> Result:
    """The result of a run's attempt."""
    usual = {
        "run_id": str(run),
        "request_id": "asked",
        "tenant": "default",
        "status": "completed",
        "attempt": attempt,
        "text": "bought by the dead",
        "finished_at": datetime.fromtimestamp(run.timestamp_ms / 1000, UTC),
    }
    return Result.model_validate({**usual, **fields})


class DeadOwner:
    """What an assignment of this name would have written before it died. Notes about one run go to its partition."""

    def __init__(self, stage: Stage, name: str) -> None:
        self._stage = stage
        self._name = name

    async def started(self, run: RunId, line: UsageLine) -> None:
        """A call may begin."""
        await self._note(run, encode_started(self._name, str(run), encode_usage(line)))

    async def ended(self, run: RunId, line: UsageLine) -> None:
        """A call ended, and this is its bill."""
        await self._note(run, encode_ended(self._name, str(run), line.usage_id, encode_usage(line), "completed"))

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
        await self._stage.publish(value, key=key, headers=headers, partition=run.partition, topic=journal)

    async def owned(self, run: RunId, *, journal: int = 0) -> None:
        """The partition of a run was its own up to that run; its successor reads the journal from this offset on."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._stage.bootstrap, group_id=self._stage.settings.kafka.group, enable_auto_commit=False
        )
        key = TopicPartition(run.topic, run.partition)
        metadata = CommitMetadata(epoch=1, owner=self._name, journal=journal).encode()
        await consumer.start()
        try:
            consumer.assign([key])
            await consumer.commit({key: OffsetAndMetadata(run.offset, metadata)})
        finally:
            await consumer.stop()
