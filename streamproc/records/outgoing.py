"""A record on its way out: which topic, which key, which bytes. The partition is always that of the run's request."""

from typing import Literal, NamedTuple

__all__ = ["Headers", "Outgoing", "OutputTopic"]

OutputTopic = Literal["chunks", "results", "usage", "dead", "deferred"]

Headers = tuple[tuple[str, bytes], ...]


class Outgoing(NamedTuple):
    """`topic` is the topic's role; its name is a setting. Key and value are never both None: Kafka's client refuses."""

    topic: OutputTopic
    key: bytes | None
    value: bytes | None
    headers: Headers

    def size_bytes(self) -> int:
        """Bytes of value, key and headers, without Kafka's own few bytes of framing."""
        size = len(self.value or b"") + len(self.key or b"")
        for name, value in self.headers:
            size += len(name.encode()) + len(value or b"") + 8
        return size
