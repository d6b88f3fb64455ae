"""Real implementations of the narrow protocols, for tests: a clock without waiting, an observer that remembers."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from aiokafka import TopicPartition

from streamproc.chain.call import Call, Progress
from streamproc.chain.journal import MemoryJournal
from streamproc.chain.plan import Asked, Choice, Plan
from streamproc.chain.provider import Provider
from streamproc.chain.run import Run
from streamproc.errors import PublishFailed
from streamproc.kafka.assignment import Assignment, Claim
from streamproc.kafka.inherited import Inherited
from streamproc.kafka.journal import PartitionJournal
from streamproc.kafka.lane import Lane
from streamproc.kafka.metadata import CommitMetadata
from streamproc.kafka.producer import Packed, Producer
from streamproc.kafka.transactor import Transactor
from streamproc.observe.events import Happening
from streamproc.providers.scripted import Script, Scripted
from streamproc.records.identity import RunId
from streamproc.records.input_hash import input_hash
from streamproc.records.outgoing import Headers, Outgoing
from streamproc.records.request import Request

__all__ = [
    "FakeClock",
    "MemoryProducer",
    "MemoryTransactor",
    "Seen",
    "Transaction",
    "a_call",
    "a_claim",
    "a_request",
    "a_run",
    "an_assignment",
    "asked",
    "eventually",
    "scripted",
]

NOW = 1_800_000_000.0
"""Unix time when a fake clock begins."""


class FakeClock:
    """Time that only moves by `sleep` and by hand. `slept` are the waits, in order."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now
        self.slept: list[float] = []

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now - NOW

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Seen:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.happenings: list[Happening] = []

    def saw(self, happening: Happening) -> None:
        self.happenings.append(happening)

    def of(self, kind: type[Any]) -> list[Any]:
        """What was seen of a kind."""
        return [happening for happening in self.happenings if isinstance(happening, kind)]


Stored = tuple[bytes | None, bytes | None, Headers]


class MemoryBatch:
    """A batch that holds at most so many records."""

    def __init__(self, most: int) -> None:
        self.records: list[Stored] = []
        self._most = most

    def append(self, *, timestamp: int | None, key: bytes | None, value: bytes | None, headers: Any) -> object:
        if len(self.records) >= self._most:
            return None
        self.records.append((key, value, tuple(headers)))
        return object()

    def close(self) -> None:
        """Batches of Kafka are closed before they are sent."""


class MemoryProducer(Producer):
    """Stores batches in memory. `refusals` says which sends fail: the next one takes the first entry.

    A refused batch is stored or not, as the entry says: after a failure nobody knows. While `gate` is cleared, sends
    wait. No acknowledgement is ever late by itself, and no two sends overtake each other.
    """

    def __init__(self, most_per_batch: int = 2000) -> None:
        self._most = most_per_batch
        self.stored: dict[tuple[str, int], list[Stored]] = {}
        self.batches: list[int] = []
        self.refusals: deque[bool] = deque()
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = 0

    def new_batch(self) -> Any:
        return MemoryBatch(self._most)

    async def start(self) -> None:
        """Nothing to connect to."""

    async def stop(self) -> None:
        """Nothing to disconnect from."""

    async def send(self, packed: Packed, topic: str, partition: int) -> int:
        self.asked += 1
        await self.gate.wait()
        await asyncio.sleep(0)
        is_refused = bool(self.refusals)
        if not is_refused or self.refusals.popleft():
            self.stored.setdefault((topic, partition), []).extend(packed.builder.records)
            self.batches.append(packed.count)
        if is_refused:
            raise PublishFailed("refused")
        return len(self.stored[topic, partition])


def a_request(**fields: Any) -> Request:
    """A request with these fields over the usual ones."""
    usual = {"request_id": "r-1", "model": "m", "messages": [{"role": "user", "content": "say it"}]}
    return Request.model_validate({**usual, **fields})


def a_call(request: Request | None = None, **fields: Any) -> Call:
    """A call with these fields over the usual ones."""
    request = request or a_request()
    usual: dict[str, Any] = {
        "run_id": "llm.requests/0/1@1",
        "tenant": request.tenant,
        "request": request,
        "model": "m",
        "max_output_tokens": 100,
        "prompt_bytes": 100,
        "input_hash": "0" * 64,
        "deadline": NOW + 600,
        "progress": Progress(attempt=1000),
        "journal": MemoryJournal(),
    }
    return Call(**{**usual, **fields})


def asked(request: Request, **fields: Any) -> Asked:
    """What a plan is made for, with these fields over the usual ones."""
    return Asked(request, "llm.requests/0/1@1", request.tenant, 100, NOW + 600)._replace(**fields)


def a_run(offset: int = 0, *, request: Request | None = None, provider: Provider | None = None, **fields: Any) -> Run:
    """A run with these fields over the usual ones; a provider and a `model` are its only choice."""
    request = request or a_request()
    choice = Choice(provider or scripted(lambda _: ()), fields.pop("model", "m"))
    usual: dict[str, Any] = {
        "id": RunId("llm.requests", 0, offset, 1),
        "offset": offset,
        "request": request,
        "plan": Plan.plain(choice),
        "tenant": request.tenant,
        "input_hash": input_hash(request),
        "size_bytes": 100,
        "deadline": NOW + 600,
        "not_before": 0.0,
        "taken_at": 0.0,
        "progress": Progress(attempt=1000),
        "journal": MemoryJournal(),
    }
    return Run(**{**usual, **fields})


def scripted(script: Script, clock: FakeClock | None = None) -> Scripted:
    """A provider named `p`."""
    return Scripted("p", script, (clock or FakeClock()).sleep)


async def eventually(is_true: Callable[[], bool], turns: Iterable[int] = range(2000)) -> None:
    """Lets other tasks run until it is true, for about two seconds at most."""
    for turn in turns:
        if is_true():
            return
        await asyncio.sleep(0 if turn < 200 else 0.001)
    raise AssertionError("it did not become true")


def an_assignment(partition: int = 0, *, owner: str = "me", clock: FakeClock | None = None) -> Assignment:
    """An assignment of a partition of `llm.requests`, whose notes stay in their lane."""
    key, clock = TopicPartition("llm.requests", partition), clock or FakeClock()
    lane = Lane(MemoryProducer(), "llm.journal", partition, clock, lambda _: None, repeats=True)
    return Assignment(key, None, PartitionJournal(key, owner, lane, lambda: True, clock, waits=True))


def a_claim(transactor: Transactor, position: int, metadata: CommitMetadata, former_owner: str = "") -> Claim:
    """A claim of a partition whose journal is empty."""
    return Claim(transactor, position, metadata, former_owner, Inherited(position, ()), 0)


Transaction = tuple[tuple[bytes | None, ...], int, CommitMetadata]
"""Values of its records, position and metadata of its offset."""


class MemoryTransactor(Transactor):
    """Stores transactions in a list that successors may share.

    `breaks` says what happens to the next ones: they fail `before` they are stored or `after` it, or they are stored
    and their acknowledgement `hangs`.
    """

    def __init__(self, stored: list[Transaction]) -> None:
        self.stored = stored
        self.breaks: str | None = None
        self.stopped = False

    async def start(self) -> None:
        """Nothing to connect to."""

    async def stop(self) -> None:
        self.stopped = True

    async def commit(self, records: Iterable[Outgoing], position: int, metadata: str) -> None:
        decoded = CommitMetadata.decode(metadata)
        assert decoded is not None
        if self.breaks != "before":
            self.stored.append((tuple(record.value for record in records), position, decoded))
        if self.breaks == "hangs":
            await asyncio.Event().wait()
        if self.breaks is not None:
            raise PublishFailed("the connection broke")
