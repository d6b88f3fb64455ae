"""The meter of one call: what it delivered, and what its provider told of it."""

from dataclasses import dataclass, field

from streamproc.chain.provider import Completed, Told
from streamproc.errors import ProviderError
from streamproc.money.rates import Rates
from streamproc.records.usage import TokenCounts, UsageLine

__all__ = ["Meter"]


@dataclass(slots=True)
class Meter:
    """Times are those of a clock that only grows. `pieces` are the texts that came, `most` is the line of the bound.

    `rates` are None where no price is known; `tiers` are the service tiers that the call may be answered on.
    `told_at` is how many pieces had come when the provider told its usage so far: it does not count the later ones.
    """

    started: float
    most: UsageLine
    rates: Rates | None
    tiers: tuple[str, ...]
    pieces: list[str] = field(default_factory=list)
    first_token: float | None = None
    told: TokenCounts | None = None
    told_at: int = 0
    request_id: str | None = None
    completed: Completed | None = None
    error: ProviderError | None = None

    def note(self, told: Told) -> None:
        """Takes what the provider tells before the end; a later usage goes before an earlier one."""
        self.request_id = told.request_id or self.request_id
        if told.usage is not None:
            self.told, self.told_at = told.usage, len(self.pieces)

    @property
    def outcome(self) -> str:
        """`completed`, `cancelled`, or the error's code."""
        if self.completed is not None:
            return "completed"
        return "cancelled" if self.error is None else self.error.code

    def estimated(self, counted: TokenCounts) -> TokenCounts:
        """The usage of a call without a whole one from its provider: what that told, and for the rest what we counted.

        An output that was told in mid-stream is a lower bound of it.
        """
        if self.completed is not None and self.completed.usage is not None:
            told, is_late = self.completed.usage, True
        elif self.told is not None:
            told, is_late = self.told, len(self.pieces) == self.told_at
        else:
            return counted
        if told.input is None:
            told = TokenCounts(input=counted.input, output=told.output, reasoning=told.reasoning)
        if told.output is None or not is_late:
            known = [figure for figure in (counted.output, told.output) if figure is not None]
            told = told.changed(output=max(known, default=None), reasoning=None)
        return told
