"""The store in this process' memory: bounded by bytes, the least recently used value goes first."""

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from streamproc.stores.store import Found, StoreKey

__all__ = ["MemoryStore"]

_ENTRY_BYTES = 400
"""What an entry takes beside its value: key, digest and bookkeeping, roughly."""


class _Entry(NamedTuple):
    value: bytes
    until: float
    fresh_until: float
    made_at: float


class MemoryStore:
    """Invariant: `used_bytes`, the bookkeeping of entries included, is at most `max_bytes`.

    `get` never suspends, so that a look at the store and what follows from it are one step. `evicted` counts values
    that had to go for others.
    """

    def __init__(self, max_bytes: int, monotonic: Callable[[], float]) -> None:
        """`monotonic`: seconds that only grow."""
        self._max_bytes = max_bytes
        self._monotonic = monotonic
        self._entries: OrderedDict[StoreKey, _Entry] = OrderedDict()
        self.used_bytes = 0
        self.evicted = 0

    def __repr__(self) -> str:
        return f"MemoryStore(entries={len(self)}, bytes={self.used_bytes})"

    def __len__(self) -> int:
        return len(self._entries)

    def has(self, key: StoreKey, oldest_seconds: float | None = None) -> bool:
        """Whether there is a value that is not old, nor older than this; it does not count as used."""
        entry, now = self._entries.get(key), self._monotonic()
        if entry is None or entry.fresh_until <= now:
            return False
        return oldest_seconds is None or now - entry.made_at <= oldest_seconds

    async def get(self, key: StoreKey) -> Found | None:
        """The value, which counts as used now."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.until <= self._monotonic():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return Found(entry.value, "memory")

    def put(self, key: StoreKey, value: bytes, seconds: float, fresh_seconds: float, age_seconds: float = 0.0) -> None:
        """Takes a value of this age, unless it is larger than the whole store; an age not known is infinite."""
        if key in self._entries:
            self._drop(key)
        if len(value) + _ENTRY_BYTES > self._max_bytes:
            return
        now = self._monotonic()
        self._entries[key] = _Entry(value, now + seconds, now + min(seconds, fresh_seconds), now - age_seconds)
        self.used_bytes += len(value) + _ENTRY_BYTES
        while self.used_bytes > self._max_bytes:
            # What has expired goes in its turn, too: a value that nobody asks for moves to the front by itself.
            self._drop(next(iter(self._entries)))
            self.evicted += 1

    def _drop(self, key: StoreKey) -> None:
        self.used_bytes -= len(self._entries.pop(key).value) + _ENTRY_BYTES
