"""Whole topics, read and written from outside of the program."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

__all__ = ["Stored", "chunk_texts", "read_topic", "result_counts", "send"]


@dataclass(frozen=True)
class Stored:
    """A record of a topic."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def run_id(self) -> str:
        """Identity of the run for this record, when it is a request."""
        return f"{self.topic}/{self.partition}/{self.offset}@{self.timestamp_ms}"

    def json(self) -> Any:
        """The value."""
        return json.loads(self.value or b"")


def read_topic(bootstrap: str, topic: str) -> list[Stored]:
    """All committed records of a topic that are there now."""
    return asyncio.run(_read(bootstrap, topic))


async def _read(bootstrap: str, topic: str) -> list[Stored]:
    found: list[Stored] = []
    options: dict[str, Any] = {"isolation_level": "read_committed", "auto_offset_reset": "earliest"}
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, **options) as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(key) < end for key, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += [
                    Stored(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, tuple(r.headers))
                    for r in records
                ]
    return found


Record = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]], int]


def send(bootstrap: str, topic: str, records: Iterable[Record]) -> None:
    """Sends records, each (key, value, headers, partition)."""
    asyncio.run(_send(bootstrap, topic, list(records)))


async def _send(bootstrap: str, topic: str, records: list[Record]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=5, max_request_size=2**20) as producer:
        sent = [
            await producer.send(topic, key=key, value=value, headers=list(headers), partition=partition)
            for key, value, headers, partition in records
        ]
        await asyncio.gather(*sent)


def chunk_texts(chunks: Iterable[Stored]) -> dict[tuple[str, int], str]:
    """The texts of all chunks joined, by run and attempt. Their `seq` have no gap and `end` is the last one."""
    streams: dict[tuple[str, int], dict[int, dict[str, Any]]] = {}
    for chunk in (stored.json() for stored in chunks):
        stream = streams.setdefault((chunk["run_id"], chunk["attempt"]), {})
        assert chunk["seq"] not in stream, f"seq {chunk['seq']} twice"
        stream[chunk["seq"]] = chunk
    texts = {}
    for name, stream in streams.items():
        ordered = [stream[seq] for seq in range(len(stream))]
        assert [ordered[0]["kind"], ordered[-1]["kind"]] == ["start", "end"], f"{name} is not whole"
        texts[name] = "".join(chunk["text"] for chunk in ordered if chunk["kind"] == "text")
    return texts


def result_counts(bootstrap: str, topic: str) -> Counter[str]:
    """How many results each run has."""
    return Counter(stored.json()["run_id"] for stored in read_topic(bootstrap, topic))
