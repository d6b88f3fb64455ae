"""A transaction coordinator with partitions that only note their markers, and with time that a test moves."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from streamproc.embedded.cluster import Client, Cluster
from streamproc.embedded.codes import Code
from streamproc.embedded.faults import Faults
from streamproc.embedded.groups import Groups
from streamproc.embedded.offsets import GroupOffsets
from streamproc.embedded.topics import Topics
from streamproc.embedded.transaction import Part, Partition, Producer
from streamproc.embedded.transactions import Transactions

CLIENT = Client("test", "127.0.0.1")
MARKER_SECONDS = 0.5


@dataclass(eq=False)
class Planned:
    """One planned call."""

    due: float
    call: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class Timers:
    """Planned calls, made when `pass_time` reaches them."""

    def __init__(self) -> None:
        self.now = 0.0
        self._planned: list[Planned] = []

    def call_later(self, seconds: float, call: Callable[[], None]) -> Planned:
        planned = Planned(self.now + seconds, call)
        self._planned.append(planned)
        return planned

    @property
    def waiting(self) -> int:
        return sum(not planned.cancelled for planned in self._planned)

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while due := [planned for planned in self._planned if planned.due <= end and not planned.cancelled]:
            first = min(due, key=lambda planned: planned.due)
            self._planned.remove(first)
            self.now = first.due
            first.call()
        self.now = end


class Marker(NamedTuple):
    """A control batch, as a partition was told to write it."""

    producer_id: int
    epoch: int
    commit: bool


@dataclass
class FakeLog:
    """A partition that notes its markers and holds no records."""

    markers: list[Marker] = field(default_factory=list)

    def end_transaction(self, producer_id: int, epoch: int, *, commit: bool) -> None:
        self.markers.append(Marker(producer_id, epoch, commit))


class Rig:
    """The topic `out` with three partitions, and the topic `doomed` with one, which a test may delete."""

    def __init__(self) -> None:
        self.timers = Timers()
        self.logs = {Partition("out", number): FakeLog() for number in range(3)}
        self.logs[Partition("doomed", 0)] = FakeLog()
        self._offsets: defaultdict[str, GroupOffsets] = defaultdict(GroupOffsets)
        topics, groups = cast("Topics", self), cast("Groups", self)
        self.transactions = Transactions(topics, groups, self.timers.call_later, MARKER_SECONDS)
        self.cluster = Cluster("127.0.0.1", 0, topics, groups, self.transactions, Faults(), self._now)

    def log(self, topic: str, partition: int) -> FakeLog | None:
        return self.logs.get(Partition(topic, partition))

    def offsets(self, group_id: str) -> GroupOffsets:
        return self._offsets[group_id]

    def markers(self, number: int) -> list[Marker]:
        return self.logs[Partition("out", number)].markers

    def owner(self, transactional_id: str = "worker", timeout_ms: int = 60_000) -> Producer:
        """The next owner of the transactional id."""
        code, producer = self.transactions.initialise(transactional_id, timeout_ms)
        assert code is Code.NONE
        return producer

    def begin(self, producer: Producer, *parts: Part) -> None:
        assert self.transactions.add("worker", producer, *parts) is Code.NONE

    def write_markers(self) -> None:
        self.timers.pass_time(MARKER_SECONDS)

    def _now(self) -> float:
        return self.timers.now
