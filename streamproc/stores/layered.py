"""Two stores as one: what is near, then what all workers share."""

from math import inf

from streamproc.stores.memory import MemoryStore
from streamproc.stores.store import Found, Store, StoreKey

__all__ = ["LayeredStore"]


class LayeredStore:
    """A near store in front of a shared one.

    What came from or went to the shared store stays in the near one for `near_seconds` at most: whoever purges the
    shared one has purged all of them after that time.
    """

    def __init__(self, near: MemoryStore, shared: Store, near_seconds: float, *, keeps_old: bool) -> None:
        """`keeps_old`: the shared store gives values that are not fresh any more, too."""
        self._near = near
        self._shared = shared
        self._near_seconds = near_seconds
        self._keeps_old = keeps_old

    async def get(self, key: StoreKey) -> Found | None:
        """The nearest value."""
        if (found := await self._near.get(key)) is not None:
            return found
        if (found := await self._shared.get(key)) is not None:
            # How fresh it is, and how old, the shared store does not say.
            self._near.put(key, found.value, self._near_seconds, 0.0 if self._keeps_old else self._near_seconds, inf)
        return found

    def put(self, key: StoreKey, value: bytes, seconds: float, fresh_seconds: float) -> None:
        """Gives the value to both."""
        self._near.put(key, value, min(seconds, self._near_seconds), fresh_seconds)
        self._shared.put(key, value, seconds, fresh_seconds)
