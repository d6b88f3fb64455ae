"""Old usage lines priced again: what they cost by the prices of today's settings, beside what was billed. Pure."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from streamproc.money.bound import Most, upper_bound_nanos
from streamproc.money.cost import cost_nanos
from streamproc.money.rates import Rates
from streamproc.records.usage import UsageLine

__all__ = ["Group", "Repriced", "Repricing", "priced_again"]

RatesAt = Callable[[str, str, datetime], Rates | None]
"""Rates of a provider's model at a time."""


class Group(NamedTuple):
    """Whose lines are added up."""

    tenant: str
    provider: str
    model: str


class Repriced(NamedTuple):
    """Lines of a group, in nano-dollars. `before` and `now` are sums over the lines whose cost is known both times.

    `unknown_before` lines had no known cost, and `unknown_now` have none by today's prices; a line may be both.
    """

    lines: int = 0
    before: int = 0
    now: int = 0
    unknown_before: int = 0
    unknown_now: int = 0

    @property
    def difference(self) -> int:
        """Positive: dearer by today's prices."""
        return self.now - self.before

    def plus(self, before: int | None, now: int | None) -> "Repriced":
        """With one line more."""
        is_known = before is not None and now is not None
        return Repriced(
            self.lines + 1,
            self.before + (before or 0 if is_known else 0),
            self.now + (now or 0 if is_known else 0),
            self.unknown_before + (before is None),
            self.unknown_now + (now is None),
        )


class Repricing:
    """Sums over lines, by tenant, provider and model."""

    def __init__(self, rates: RatesAt) -> None:
        self._rates = rates
        self.groups: dict[Group, Repriced] = {}

    def add(self, line: UsageLine) -> None:
        """Takes a line."""
        group = Group(line.tenant, line.provider, line.model)
        again = priced_again(line, self._rates)
        self.groups[group] = self.groups.get(group, Repriced()).plus(line.cost_nanos, again)


def priced_again(line: UsageLine, rates: RatesAt) -> int | None:
    """What a line costs by these rates, at the time its call began.

    A line of the basis `cache` keeps its cost, which is no provider's. Of the basis `upper_bound` it is not known how
    its tokens fall into kinds: they have the dearest price of the tier it tells, or else of the standard one.
    """
    if line.basis == "cache":
        return line.cost_nanos
    found = rates(line.provider, line.model, line.started_at)
    if found is None:
        return None
    if line.basis == "upper_bound":
        most = Most(line.tokens.input, line.tokens.output or 0, (line.service_tier or "default",))
        return None if line.tokens.output is None else upper_bound_nanos(found, most)
    return cost_nanos(found, line.tokens, line.service_tier)
