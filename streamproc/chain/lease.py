"""Leases: parts of limits that a process takes from a store which several share, and spends by itself. Pure values."""

from typing import NamedTuple, Protocol

from streamproc.chain.limits import LimitRules

__all__ = ["Borrower", "Desk", "Grant", "Order"]


class Order(NamedTuple):
    """What a process wants of one scope's limits, and what it gives back.

    Attributes:
        scope: whose limits.
        rules: the limits.
        requests: at least and at most so many; (0, 0) is none.
        requests_back: leased and not used; a negative amount was used beyond what was leased.
        tokens: as `requests`.
        tokens_back: as `requests_back`.
        running: calls that run; the process holds a slot for each, whether it was granted or not.
        slots: slots that it would have from now on, those of running calls among them.
    """

    scope: str
    rules: LimitRules
    requests: tuple[float, float]
    requests_back: float
    tokens: tuple[float, float]
    tokens_back: float
    running: int
    slots: int


class Grant(NamedTuple):
    """What an order was given: amounts, in how many seconds there is enough where there is not, and slots to hold."""

    requests: float
    requests_in_seconds: float
    tokens: float
    tokens_in_seconds: float
    slots: int


class Borrower(Protocol):
    """Limits that are leased. Times are monotonic seconds."""

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to tell the store, now or soon."""
        ...

    def due_in(self, now: float) -> float | None:
        """In how many seconds what is missing can be ordered; None when nothing is missing."""
        ...

    def order(self, now: float) -> Order:
        """What to ask the store for, now that it is asked."""
        ...

    def receive(self, grant: Grant, now: float) -> None:
        """The store's answer to the last order."""
        ...

    def lost(self, order: Order) -> None:
        """Nobody knows what became of the last order."""
        ...

    def close(self) -> None:
        """No call begins any more: the next order gives everything back."""
        ...


class Desk(Protocol):
    """Who fetches leases, as limits see it."""

    @property
    def workers(self) -> int | None:
        """How many processes share, as far as was last known; None before the store first answered."""
        ...

    @property
    def is_away(self) -> bool:
        """Whether the store does not answer."""
        ...

    def wants(self, borrower: Borrower, *, soon: bool) -> None:
        """These limits have something to tell; `soon`: a call waits for it."""
        ...
