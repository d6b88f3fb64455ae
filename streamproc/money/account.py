"""An account's totals."""

from dataclasses import dataclass

from streamproc.money.cap import Unit

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

    def used(self, unit: Unit) -> tuple[int, int]:
        """What is spent, and what calls under way may use."""
        if unit == "nanos":
            return self.settled_nanos, self.reserved_nanos
        return self.settled_tokens, self.reserved_tokens
