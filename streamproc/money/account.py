"""An account's totals, and the way they move. Pure."""

from dataclasses import dataclass

from streamproc.money.cap import Unit
from streamproc.money.scope import Spend

__all__ = ["Totals"]


@dataclass(slots=True)
class Totals:
    """What was settled and what is reserved. `unknown` counts settled calls without a known cost."""

    settled_nanos: int = 0
    settled_tokens: int = 0
    reserved_nanos: int = 0
    reserved_tokens: int = 0
    unknown: int = 0

    def settled(self, unit: Unit) -> int:
        """Nano-dollars or tokens that are spent."""
        return self.settled_nanos if unit == "nanos" else self.settled_tokens

    def reserved(self, unit: Unit) -> int:
        """Nano-dollars or tokens that calls under way may use."""
        return self.reserved_nanos if unit == "nanos" else self.reserved_tokens

    def reserve(self, spend: Spend, sign: int = 1) -> None:
        """Adds a reservation, or takes it away with the sign -1."""
        self.reserved_nanos += sign * (spend.nanos or 0)
        self.reserved_tokens += sign * (spend.tokens or 0)

    def settle(self, spend: Spend, sign: int = 1) -> None:
        """Adds what a call took, or takes it away with the sign -1."""
        self.settled_nanos += sign * (spend.nanos or 0)
        self.settled_tokens += sign * (spend.tokens or 0)
        self.unknown += sign * (spend.nanos is None)
