"""What the billing job tells of its work."""

from dataclasses import dataclass
from typing import Protocol

__all__ = [
    "BatchStored",
    "BillingObserver",
    "Happening",
    "JobStarted",
    "KafkaAway",
    "LineConflicts",
    "MetricsServed",
    "RecordUnreadable",
    "RecordsMissed",
]


@dataclass(frozen=True, slots=True)
class MetricsServed:
    """The port of metrics and health is open."""

    port: int


@dataclass(frozen=True, slots=True)
class JobStarted:
    """The job knows where it stands: `behind` offsets of the topic are left."""

    topic: str
    partitions: int
    behind: int


@dataclass(frozen=True, slots=True)
class BatchStored:
    """A batch is in the store. `behind` is how many offsets of the topic are left, as far as it is known."""

    lines: int
    repeated: int
    behind: int
    seconds: float


@dataclass(frozen=True, slots=True)
class LineConflicts:
    """A record says something else under the usage id of another one: it is not on the bill."""

    usage_id: str
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class RecordUnreadable:
    """A record was passed over."""

    topic: str
    partition: int
    offset: int
    sentence: str


@dataclass(frozen=True, slots=True)
class RecordsMissed:
    """Records were gone before they were read: from `offset` up to and without `until`."""

    topic: str
    partition: int
    offset: int
    until: int


@dataclass(frozen=True, slots=True)
class KafkaAway:
    """Partitions whose leaders do not answer; they are asked again."""

    topic: str
    partitions: int


Happening = MetricsServed | JobStarted | BatchStored | LineConflicts | RecordUnreadable | RecordsMissed | KafkaAway


class BillingObserver(Protocol):
    """Is told what happens."""

    def saw(self, happening: Happening) -> None:
        """Takes note, quickly."""
        ...
