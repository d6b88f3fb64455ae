"""The cap: the most that a scope may use in a window. Pure values; `caps` has all of them together."""

from bisect import bisect_right
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from typing import Literal, NamedTuple

from streamproc.money.dollars import usd
from streamproc.money.scope import Scope
from streamproc.money.windows import Window
from streamproc.records.pattern import Pattern

__all__ = ["Account", "Action", "Cap", "Throttle", "Unit", "amount"]

Unit = Literal["nanos", "tokens"]

Action = Literal["stop", "alert"]
"""What a cap does: hold and refuse calls, or only tell."""


class Account(NamedTuple):
    """What is added up: a scope in one window, told by its start in unix milliseconds."""

    scope: Scope
    window: Window
    start_ms: int


class Throttle(NamedTuple):
    """From which share of a cap on its calls are slowed down, and to how many a minute in each process."""

    at: Decimal
    per_minute: float


@dataclass(frozen=True, slots=True)
class Cap:
    """So much and no more, in nano-dollars or tokens.

    Attributes:
        amount: the most; 0 lets nothing begin.
        kill_at: share of it, above 0 and at most 1, that may be settled before the kill switch falls.
        alerts: shares that are told when they are reached, ascending.
        throttle: slows its calls down before it stops them; None does not.
    """

    pattern: Pattern
    window: Window
    unit: Unit
    amount: int
    kill_at: Decimal = Decimal("0.9")
    alerts: tuple[Decimal, ...] = (Decimal("0.5"), Decimal("0.8"), Decimal("0.9"), Decimal(1))
    action: Action = "stop"
    throttle: Throttle | None = None
    kill_amount: int = field(init=False, repr=False, compare=False)
    """What is settled when the kill switch falls."""
    alert_amounts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Once for each cap, and not for each call.
        object.__setattr__(self, "kill_amount", _share(self.amount, self.kill_at))
        object.__setattr__(self, "alert_amounts", tuple(_share(self.amount, at) for at in self.alerts))

    def is_slow(self, settled: int) -> bool:
        """Whether so much is settled that its calls are slowed down."""
        return self.throttle is not None and settled >= _share(self.amount, self.throttle.at)

    def crossed(self, before: int, after: int) -> tuple[Decimal, ...]:
        """The alerts that settled spend reaches on its way from one sum to another."""
        return self.alerts[bisect_right(self.alert_amounts, before) : bisect_right(self.alert_amounts, after)]

    def __str__(self) -> str:
        return f"{amount(self.unit, self.amount)} a {self.window} for {self.pattern}"


def _share(whole: int, part: Decimal) -> int:
    """So much of it, rounded up, and at least 1: nothing spent reaches no share."""
    return max(int((whole * part).to_integral_value(ROUND_CEILING)), 1)


def amount(unit: Unit, number: int) -> str:
    """An amount for people."""
    return usd(number) if unit == "nanos" else f"{number} tokens"
