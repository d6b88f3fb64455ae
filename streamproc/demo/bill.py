"""The bill: usage lines added up, and held against the provider's own count. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from streamproc.mock.stats import Call
from streamproc.records.usage import UsageLine

__all__ = ["Agreement", "Sum", "add_up", "compare", "total"]


@dataclass(frozen=True, slots=True)
class Sum:
    """Sums over calls. `cost_nanos` is None as soon as one call's cost is not known."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nanos: int | None = 0

    def __add__(self, other: "Sum") -> "Sum":
        known = self.cost_nanos is not None and other.cost_nanos is not None
        return Sum(
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            (self.cost_nanos or 0) + (other.cost_nanos or 0) if known else None,
        )


def add_up(lines: Iterable[UsageLine]) -> Mapping[tuple[str, str], Sum]:
    """Sums by model and tenant, in the order of their names. A line that was delivered twice counts once."""
    sums: dict[tuple[str, str], Sum] = {}
    for line in _once(lines):
        place = (line.model, line.tenant)
        one = Sum(1, line.tokens.input or 0, line.tokens.output or 0, line.cost_nanos)
        sums[place] = sums.get(place, Sum()) + one
    return dict(sorted(sums.items()))


def total(sums: Iterable[Sum]) -> Sum:
    """All of them together."""
    return sum(sums, Sum())


@dataclass(frozen=True, slots=True)
class Agreement:
    """Both counts: of answers whose usage the provider told, and of calls that were cut before it could."""

    answers: int
    billed_tokens: int
    served_tokens: int
    cut_calls: int
    estimated_tokens: int
    cut_tokens: int

    @property
    def is_exact(self) -> bool:
        """Whether bill and provider name the same number of tokens."""
        return self.billed_tokens == self.served_tokens

    def sentences(self) -> list[str]:
        """What to tell a reader."""
        told = [
            f"bill and provider agree: {self.billed_tokens:,} tokens"
            if self.is_exact
            else f"bill and provider DIFFER: {self.billed_tokens:,} and {self.served_tokens:,} tokens"
        ]
        told[0] += f" in {self.answers} complete answers"
        if self.cut_calls:
            told.append(
                f"{self.cut_calls} calls were cut before the provider told their usage: estimated at"
                f" {self.estimated_tokens:,} tokens on the bill, {self.cut_tokens:,} by the provider's count"
            )
        return told


def compare(lines: Iterable[UsageLine], calls: Iterable[Call]) -> Agreement:
    """Holds usage lines against the calls that the mock provider lists."""
    by_provider = [line for line in _once(lines) if line.basis == "provider"]
    estimated = [line for line in _once(lines) if line.basis != "provider"]
    whole = [call for call in calls if call.outcome == "completed"]
    cut = [call for call in calls if call.outcome in ("cut", "cancelled")]
    return Agreement(
        answers=len(by_provider),
        billed_tokens=_billed(by_provider),
        served_tokens=_served(whole),
        cut_calls=len(estimated),
        estimated_tokens=_billed(estimated),
        cut_tokens=_served(cut),
    )


def _once(lines: Iterable[UsageLine]) -> Iterable[UsageLine]:
    return {line.usage_id: line for line in lines}.values()


def _billed(lines: Iterable[UsageLine]) -> int:
    return sum((line.tokens.input or 0) + (line.tokens.output or 0) for line in lines)


def _served(calls: Iterable[Call]) -> int:
    return sum(call.input_tokens + call.output_tokens for call in calls)
