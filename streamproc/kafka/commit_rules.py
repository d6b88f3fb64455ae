"""How a partition commits: how often, and how much in one transaction."""

from typing import NamedTuple, Self

from streamproc.settings.kafka import KafkaSettings

__all__ = ["CommitRules"]


class CommitRules(NamedTuple):
    """Bounds from the settings.

    Attributes:
        shortest_pause_seconds: between two commits.
        longest_pause_seconds: the same, for a process with few partitions.
        max_bytes: of the records of a transaction; those of one run stay together, whatever their size.
    """

    shortest_pause_seconds: float
    longest_pause_seconds: float
    max_bytes: int

    @classmethod
    def of(cls, settings: KafkaSettings) -> Self:
        """As they say."""
        return cls(
            settings.commit_interval_min_seconds, settings.commit_interval_max_seconds, settings.max_transaction_bytes
        )

    def pause_seconds(self, last_seconds: float, partitions: int) -> float:
        """Between two commits of a partition, of which the last took so long.

        It grows with slow commits and with the partitions of this process: up to the longest by 10 ms for each, so
        that at most a hundred commits a second take this process' time, and beyond by 2.5 ms for each, because a broker
        takes some hundreds a second from all together. A partition that paused for longer anyway commits at once.
        """
        wanted = max(self.shortest_pause_seconds, 2 * last_seconds, 0.01 * partitions)
        return max(min(wanted, self.longest_pause_seconds), 0.0025 * partitions)
