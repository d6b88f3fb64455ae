"""What a worker wrote, as a reader of its topics sees it: committed records only, from the beginning."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from streamproc.records.chunk import Chunk
from streamproc.records.codec import decode_chunk, decode_result, decode_usage
from streamproc.records.identity import RunId
from streamproc.records.journal import Note
from streamproc.records.notes import decode_note
from streamproc.records.result import Result
from streamproc.records.usage import UsageLine
from streamproc.settings.kafka import TopicSettings

__all__ = ["Outputs"]

_PATIENCE_SECONDS = 60.0


class Outputs:
    """Reads all output topics. The lists grow by `until` and `rest`, in the order of each partition."""

    def __init__(self, bootstrap: str, topics: TopicSettings) -> None:
        self._topics = topics
        self._consumer: Any = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=200,  # what comes is told at once; to ask again and again costs both ends something
            retry_backoff_ms=20,  # also how long it waits for the leaders of partitions that it has never asked for
        )
        # A committed reader takes the first open transaction for the end; this one sees what is behind it, too.
        self._ends: Any = AIOKafkaConsumer(bootstrap_servers=bootstrap, retry_backoff_ms=20)
        self._keys: list[TopicPartition] = []
        self.records: list[ConsumerRecord[bytes, bytes]] = []
        self.results: list[Result] = []
        self.usage: list[UsageLine] = []
        self.chunks: list[Chunk] = []
        self.dead: list[ConsumerRecord[bytes, bytes]] = []
        self.notes: list[Note] = []
        self.deferred: list[ConsumerRecord[bytes, bytes]] = []
        # The same by run: tests ask for the results of a thousand runs, one by one.
        self._results: defaultdict[str, list[Result]] = defaultdict(list)
        self._usage: defaultdict[str, list[UsageLine]] = defaultdict(list)
        self._chunks: defaultdict[str, list[Chunk]] = defaultdict(list)

    async def start(self) -> None:
        """Connects, and reads from the beginning of the topics."""
        await self._consumer.start()
        await self._ends.start()
        partitions = range(self._topics.partitions)
        self._keys = [TopicPartition(topic, partition) for topic in self._topics.outputs() for partition in partitions]
        # New partitions may have no leader yet; whoever has answered this one will also give records at once.
        await self._ends.end_offsets(self._keys)
        self._consumer.assign(self._keys)

    async def stop(self) -> None:
        """Disconnects."""
        await self._ends.stop()
        await self._consumer.stop()

    async def _read(self) -> None:
        found = await self._consumer.getmany(timeout_ms=100)
        for record in (record for records in found.values() for record in records):
            if record.topic == self._topics.journal:
                self.notes.append(decode_note(record.value))
                continue
            if record.topic == self._topics.deferred:
                self.deferred.append(record)
                continue
            self.records.append(record)
            if record.topic == self._topics.results:
                self.results.append(result := decode_result(record.value))
                self._results[result.run_id].append(result)
            elif record.topic == self._topics.usage:
                self.usage.append(line := decode_usage(record.value))
                self._usage[line.run_id].append(line)
            elif record.topic == self._topics.chunks:
                self.chunks.append(chunk := decode_chunk(record.value))
                self._chunks[chunk.run_id].append(chunk)
            else:
                self.dead.append(record)

    async def until(self, is_so: Callable[[], object]) -> None:
        """Reads on until the condition holds."""
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while not is_so():
            assert time.monotonic() < give_up, f"did not come about: {self!r}"
            await self._read()

    async def rest(self) -> None:
        """Reads everything that is there now, once the transactions that are open now have ended.

        The parts of a transaction are not seen at the same moment: a broker that commits it answers the producer, and
        marks it as committed in one partition after the other. So a result can be read before its dead letter.
        """
        await self._read_to(await self._ends.end_offsets(self._keys))

    async def committed_so_far(self) -> None:
        """Reads up to the first open transaction of each partition."""
        await self._read_to(await self._consumer.end_offsets(self._keys))

    async def _read_to(self, ends: dict[TopicPartition, int]) -> None:
        while any([await self._consumer.position(key) < end for key, end in ends.items()]):
            await self._read()

    async def result(self, run: RunId) -> Result:
        """The result of a run; the only one so far."""
        await self.until(lambda: self.results_of(run))
        (result,) = self.results_of(run)
        return result

    def results_of(self, run: RunId) -> list[Result]:
        """Results of a run so far."""
        return list(self._results[str(run)])

    def chunks_of(self, run: RunId) -> list[Chunk]:
        """Chunks of a run so far."""
        return list(self._chunks[str(run)])

    def usage_of(self, run: RunId) -> list[UsageLine]:
        """Usage lines of a run so far."""
        return list(self._usage[str(run)])

    def records_of(self, run: RunId) -> list[ConsumerRecord[bytes, bytes]]:
        """All records of a run so far, as they were stored."""
        name = str(run).encode()
        return [
            record for record in self.records if name in (record.value or b"") or ("dlq.run_id", name) in record.headers
        ]

    def text_of(self, run: RunId) -> str:
        """The answer, joined from the chunks that the run's result names; every one of them has to be there, in order."""
        (result,) = self.results_of(run)
        chunks = {chunk.seq: chunk for chunk in self.chunks_of(run) if chunk.attempt == result.attempt}
        assert sorted(chunks) == list(range(result.chunk_count))
        kinds = [chunks[seq].kind for seq in sorted(chunks)]
        assert (kinds[0], kinds[-1]) == ("start", "end")
        text = ""
        for seq in range(1, result.chunk_count - 1):
            assert (chunks[seq].kind, chunks[seq].char_offset) == ("text", len(text))
            text += chunks[seq].text
        return text

    def twice(self) -> dict[str, int]:
        """Runs with more than one result, and how many they have."""
        return {run: count for run, count in Counter(result.run_id for result in self.results).items() if count > 1}

    def __repr__(self) -> str:
        return (
            f"Outputs(results={len(self.results)}, usage={len(self.usage)}, chunks={len(self.chunks)},"
            f" dead={len(self.dead)})"
        )


async def read_all(bootstrap: str, topics: TopicSettings) -> Outputs:
    """Everything that is in the topics now."""
    outputs = Outputs(bootstrap, topics)
    await outputs.start()
    try:
        await asyncio.wait_for(outputs.rest(), _PATIENCE_SECONDS)
    finally:
        await outputs.stop()
    return outputs
