"""Leases: parts of limits that a process takes from a store which several share, and spends by itself. Pure values."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from streamproc.chain.limits import LimitRules

__all__ = ["Borrower", "Desk", "Draw", "Grant", "Lent", "Order"]


class Draw(NamedTuple):
    """What a process wants of one limit, and what it gives back.

    Attributes:
        least: so much or nothing; 0: it wants nothing.
        most: at most so much.
        owed: used beyond what was leased.
        back: amounts, each with a mark: what was lent later, others may use already, and nothing of it comes back.
    """

    least: float = 0.0
    most: float = 0.0
    owed: float = 0.0
    back: Sequence[tuple[str, float]] = ()


class Lent(NamedTuple):
    """The store's answer for one limit.

    Attributes:
        amount: 0 where there is too little.
        in_seconds: until there is enough.
        mark: up to where the store had lent by then; the store's own word.
    """

    amount: float
    in_seconds: float
    mark: str


class Order(NamedTuple):
    """What a process wants of one scope's limits, and what it gives back.

    Attributes:
        scope: whose limits.
        rules: the limits.
        requests: of the limit of requests.
        tokens: of that of tokens.
        running: calls that run; the process holds a slot for each, whether it was granted or not.
        slots: slots that it would have from now on, those of running calls among them.
    """

    scope: str
    rules: LimitRules
    requests: Draw
    tokens: Draw
    running: int
    slots: int


class Grant(NamedTuple):
    """What an order was given, and the slots to hold."""

    requests: Lent
    tokens: Lent
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
