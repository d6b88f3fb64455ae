"""What a store of answers is: bytes under a key, for a time. The cache layer decides what they mean.

A store may forget at any moment, and it never fails: what it cannot give is a miss, what it cannot take is forgotten.
"""

from typing import Literal, NamedTuple, Protocol

__all__ = ["Found", "Store", "StoreKey"]


class StoreKey(NamedTuple):
    """A tenant's name, and a sha256 (hexadecimal) of the tenant and of all that shapes the answer."""

    tenant: str
    digest: str


class Found(NamedTuple):
    """A stored value, and the place it came from, for metrics."""

    value: bytes
    place: Literal["memory", "redis"]


class Store(Protocol):
    """Keeps values. What is older than it was stored for is not given any more."""

    async def get(self, key: StoreKey) -> Found | None:
        """The value, or None. It raises nothing and takes no longer than a short deadline of the store's own."""
        ...

    def put(self, key: StoreKey, value: bytes, seconds: float, fresh_seconds: float) -> None:
        """Takes a value to keep for so long, in place of an earlier one. Waits for nothing.

        Beyond `fresh_seconds` it is kept for who takes an old one.
        """
        ...
