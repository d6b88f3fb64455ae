"""A provider that follows one script after the other, under `Retrying`."""

from collections.abc import Iterable

from streamproc.chain.call import Call
from streamproc.chain.provider import Completed, Event
from streamproc.chain.retry import Retrying
from streamproc.chain.retry_budget import RetryBudget
from streamproc.chain.retry_rules import RetryPolicy
from streamproc.errors import ProviderError, ServerFault
from streamproc.observe.events import RetryPlanned
from streamproc.providers.scripted import Scripted, Step
from tests.fakes import FakeClock, Seen, a_call, scripted

__all__ = ["DONE", "POLICY", "Rig", "fault", "plenty"]

DONE = Completed(None, "stop")
POLICY = RetryPolicy(attempts=3, base_seconds=1.0, cap_seconds=8.0, max_lost_attempts=2)


def plenty() -> RetryBudget:
    """A process' budget that no test uses up."""
    return RetryBudget(1.0, 100.0, 0.0)


class Rig:
    """A provider that follows one script after the other, under `Retrying`, with half of each wait's bound."""

    def __init__(
        self, *scripts: Iterable[Step], policy: RetryPolicy = POLICY, budget: RetryBudget | None = None
    ) -> None:
        self.clock = FakeClock()
        self.seen = Seen()
        self.call: Call = a_call()
        left = iter(scripts)
        self.provider: Scripted = scripted(lambda _: next(left), self.clock)
        self.retrying = Retrying(self.provider, policy, budget or plenty(), self.clock, lambda: 0.5, self.seen)

    async def events(self) -> list[Event]:
        return [event async for event in self.retrying.stream(self.call)]

    @property
    def waits(self) -> list[tuple[str, float, bool]]:
        return [(plan.code, plan.wait_seconds, plan.restart) for plan in self.seen.of(RetryPlanned)]


def fault(kind: type[ProviderError] = ServerFault, hint: float | None = None) -> ProviderError:
    """A provider's failure."""
    return kind("x", provider="p", retry_after_seconds=hint)
