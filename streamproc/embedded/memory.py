"""How many bytes of records the broker holds, and which go when there is no room."""

from collections.abc import Callable, Iterable
from typing import Protocol

__all__ = ["Held", "Memory"]

_SLACK = 0.05
"""Share of the limit freed beyond what is needed, so that a full broker does not look for room at each batch."""


class Held(Protocol):
    """Something that holds bytes and can give the oldest of them back: a partition."""

    size: int

    def trim(self, size: int) -> int:
        """Drops its oldest batches until it is no larger than this, as far as it may; gives the bytes freed."""
        ...


class Memory:
    """The sum over all partitions.

    Attributes:
        used: bytes of all batches.
    """

    def __init__(self, max_bytes: int, holders: Callable[[], Iterable[Held]]) -> None:
        self.used = 0
        self._max_bytes = max_bytes
        self._holders = holders

    def make_room(self, size: int) -> bool:
        """Whether so many bytes more fit, after the oldest batches of the largest partitions are dropped if need be."""
        if self.used + size <= self._max_bytes:
            return True
        target = self._max_bytes * (1 - _SLACK) - size
        holders = list(self._holders())
        while self.used > target and holders:
            largest = max(holders, key=lambda holder: holder.size)
            # An eighth at most, so that a partition does not lose all when the next one is nearly as large.
            wanted = max(largest.size - (self.used - target), largest.size * 7 / 8)
            if not largest.trim(int(wanted)):
                holders.remove(largest)
        return self.used + size <= self._max_bytes
