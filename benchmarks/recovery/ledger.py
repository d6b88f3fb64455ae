"""The ledger of a run: every call by its journal notes, what the provider served, and which calls were bought twice.

Pure, but for `read_ledger`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from streamproc.records.identity import RunId

__all__ = ["Ledger", "NotedCall", "read_ledger"]


class NotedCall(NamedTuple):
    """A call, as its first note tells; `at` is unix seconds."""

    usage_id: str
    run_id: str
    partition: int
    owner: str
    at: float


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the journal, the usage topic and the provider say.

    Attributes:
        calls: all that were noted, in the order of their notes in each partition.
        ended: usage ids of calls that have a note of their end.
        completed: runs whose answer is noted, each with the owner who noted it.
        served: usage ids of the calls that the provider began to answer.
        lines: usage lines, each by its basis and the time of its publication in unix seconds.
    """

    calls: tuple[NotedCall, ...]
    ended: Collection[str]
    completed: Collection[tuple[str, str]]
    served: Collection[str]
    lines: Collection[tuple[str, float]]

    def lines_of(self, basis: str, begin: float, end: float) -> int:
        """Usage lines with this basis that were published in a time."""
        return sum(begin <= at < end for found, at in self.lines if found == basis)

    def bought_again(self, begin: float, end: float) -> list[NotedCall]:
        """Calls of a time for runs that had been bought before; only what the provider served counts."""
        served = sorted((call for call in self.calls if call.usage_id in self.served), key=lambda call: call.at)
        first: dict[str, NotedCall] = {}
        for call in served:
            first.setdefault(call.run_id, call)
        return [call for call in served if begin <= call.at < end and first[call.run_id] is not call]

    def open_calls(self, at: float, partitions: Collection[int]) -> list[NotedCall]:
        """Calls that the owners of these partitions had noted before a time, and for which they noted no answer."""
        owners: dict[int, str] = {}
        for call in self.calls:
            if call.at <= at and call.partition in partitions:
                owners[call.partition] = call.owner
        return [
            call
            for call in self.calls
            if call.at <= at
            and owners.get(call.partition) == call.owner
            and (call.run_id, call.owner) not in self.completed
        ]

    @property
    def unheard_of(self) -> list[NotedCall]:
        """Calls without any note of an end: sooner or later each of them is billed as `upper_bound`."""
        return [
            call
            for call in self.calls
            if call.usage_id not in self.ended and (call.run_id, call.owner) not in self.completed
        ]


async def read_ledger(
    bootstrap: str, journal: str, usage: str, partitions: int, provider: Iterable[Mapping[str, Any]]
) -> Ledger:
    """Reads both topics as they stand; `provider` is the mock provider's list of ended calls."""
    calls: list[NotedCall] = []
    ended: set[str] = set()
    completed: set[tuple[str, str]] = set()
    for record in await _records(bootstrap, journal, partitions):
        note = orjson.loads(record.value)
        match note["kind"]:
            case "started":
                run_id = note["run_id"]
                number = RunId.parse(run_id).partition
                calls.append(
                    NotedCall(note["line"]["usage_id"], run_id, number, note["owner"], record.timestamp / 1000)
                )
            case "ended":
                ended.add(note["usage_id"])
            case "completed":
                completed.add((note["run_id"], note["owner"]))
    billed = await _records(bootstrap, usage, partitions)
    lines = [(orjson.loads(record.value)["basis"], record.timestamp / 1000) for record in billed]
    served = {call["client_request_id"] for call in provider if call["outcome"] in {"completed", "cut", "cancelled"}}
    # A note that was sent again says nothing new.
    return Ledger(tuple(dict.fromkeys(calls)), ended, completed, served, lines)


async def _records(bootstrap: str, topic: str, partitions: int) -> list[Any]:
    options: dict[str, Any] = {"isolation_level": "read_committed", "auto_offset_reset": "earliest"}
    keys = [TopicPartition(topic, number) for number in range(partitions)]
    found: list[Any] = []
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, **options) as consumer:
        consumer.assign(keys)
        ends = await consumer.end_offsets(keys)
        while any([await consumer.position(key) < end for key, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += records
    return found
