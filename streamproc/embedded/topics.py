"""The topics of the broker, each with its partitions."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from streamproc.embedded.log import PartitionLog
from streamproc.embedded.memory import Memory
from streamproc.embedded.topic_settings import SettingRefused, TopicSettings

__all__ = ["MAX_PARTITIONS", "Topic", "Topics", "is_legal_name"]

MAX_PARTITIONS = 10_000
"""Of all topics together; an answer to Metadata has a line for each."""

_INTERNAL = frozenset({"__consumer_offsets", "__transaction_state"})
_LEGAL = re.compile(r"[A-Za-z0-9._-]{1,249}")


def is_legal_name(name: str) -> bool:
    """Whether a topic may have this name (Kafka's `Topic.validate`)."""
    return name not in {".", ".."} and _LEGAL.fullmatch(name) is not None


@dataclass(slots=True)
class Topic:
    """A topic; partitions are numbered from 0."""

    name: str
    settings: TopicSettings
    partitions: tuple[PartitionLog, ...]

    @property
    def is_internal(self) -> bool:
        """Whether only the broker should write to it; it does not, and somebody else made the topic."""
        return self.name in _INTERNAL


class Topics:
    """Topics by name. They are made by request only, never by the way."""

    def __init__(self, now: Callable[[], float], *, max_bytes: int = 2**30, default_retention_bytes: int = -1) -> None:
        """`max_bytes` bounds the batches of all partitions; `default_retention_bytes` each one's, -1 does not."""
        self._now = now
        self._default_retention_bytes = default_retention_bytes
        self._topics: dict[str, Topic] = {}
        self._memory = Memory(max_bytes, self._logs)

    def __iter__(self) -> Iterator[Topic]:
        return iter(self._topics.values())

    def get(self, name: str) -> Topic | None:
        """The topic, if there is one."""
        return self._topics.get(name)

    def log(self, topic: str, partition: int) -> PartitionLog | None:
        """The partition, if there is one."""
        found = self._topics.get(topic)
        return found.partitions[partition] if found and 0 <= partition < len(found.partitions) else None

    def settings(self, given: Mapping[str, str | None]) -> TopicSettings:
        """These settings on top of the broker's.

        Raises:
            SettingRefused: a name or a value is not allowed; no value is not.
        """
        values = {name: value for name, value in given.items() if value is not None}
        if len(values) < len(given):
            raise SettingRefused(f"No value for {', '.join(sorted(given.keys() - values.keys()))}")
        return TopicSettings(values, self._default_retention_bytes)

    def has_room_for(self, partitions: int) -> bool:
        """Whether so many partitions more stay below `MAX_PARTITIONS`."""
        return partitions + sum(len(topic.partitions) for topic in self) <= MAX_PARTITIONS

    def clash(self, name: str) -> str | None:
        """A topic whose name differs only by `.` and `_`, which are one character in the names of metrics."""
        return next((known for known in self._topics if known.replace(".", "_") == name.replace(".", "_")), None)

    def create(self, name: str, partitions: int, settings: TopicSettings) -> None:
        """Makes a topic whose name is legal and free."""
        logs = tuple(PartitionLog(settings, self._memory, self._now) for _ in range(partitions))
        self._topics[name] = Topic(name, settings, logs)

    def configure(self, name: str, settings: TopicSettings) -> None:
        """Gives a topic that is there other settings."""
        topic = self._topics[name]
        topic.settings = settings
        for log in topic.partitions:
            log.settings = settings

    def delete(self, name: str) -> bool:
        """Drops a topic with all its records; False when there is none."""
        topic = self._topics.pop(name, None)
        if topic is None:
            return False
        for log in topic.partitions:
            log.close()
        return True

    def _logs(self) -> Iterator[PartitionLog]:
        return (log for topic in self for log in topic.partitions)
