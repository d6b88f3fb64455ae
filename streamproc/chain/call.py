"""The call: what the chain hands from layer to layer, and what a run has done so far."""

from dataclasses import dataclass, field
from typing import NamedTuple

from streamproc.chain.journal import Journal
from streamproc.chain.permit import Permit
from streamproc.errors import ProviderError
from streamproc.records.identity import usage_id
from streamproc.records.request import Request
from streamproc.records.usage import UsageLine

__all__ = ["Call", "Progress"]


@dataclass(slots=True)
class Progress:
    """What a run has used up so far. It outlives waits: a run that goes back to its queue keeps it.

    `attempt` strictly grows; `calls` counts the calls of all attempts; `lines` are the usage lines to be
    published with the run's result, `billed` those that its deferral has published already. `spent_nanos` is the most
    the calls so far can have cost, for the request's budget: the bill of a call whose usage the provider told, the
    upper bound of one that ended without. `crashes` counts the workers that died in its calls. `permit` is the leave
    to call that the run has at the moment, if any; it does not outlive a wait. `choice` is the number of the one of its
    plan that is asked, and `unfit` are those of the plan's models that this run asks no more: it has outgrown their
    context, or they cost more than is left. `is_spare` says that nobody could answer, and something else was given.
    """

    attempt: int
    calls: int = 0
    lost_attempts: int = 0
    waits: int = 0
    lines: list[UsageLine] = field(default_factory=list)
    spent_nanos: int = 0
    crashes: int = 0
    billed: tuple[UsageLine, ...] = ()
    permit: Permit | None = None
    choice: int = 0
    unfit: frozenset[str] = frozenset()
    is_spare: bool = False

    def call_began(self) -> None:
        """Tells the permit that the real call begins now."""
        if self.permit is not None:
            self.permit.began()

    def call_answered(self) -> None:
        """Tells the permit of the first token."""
        if self.permit is not None:
            self.permit.answered()

    def call_ended(self, error: ProviderError | None, line: UsageLine | None, *, is_complete: bool) -> None:
        """Tells the permit what became of the call, and with that gives it back."""
        if self.permit is not None:
            self.permit.ended(error, line, is_complete=is_complete)
            self.permit = None

    def give_back(self) -> None:
        """Gives the permit back, if there is one."""
        if self.permit is not None:
            self.permit.release()
            self.permit = None

    def restart(self) -> int:
        """Begins the next attempt and gives its number."""
        self.attempt += 1
        return self.attempt


class Call(NamedTuple):
    """One request on its way down the chain.

    Attributes:
        run_id: identity of the run, as text.
        tenant: whom the call is billed to: the source's, or else the request's.
        request: the validated request.
        model: the provider's own name of the model, without the provider's prefix.
        max_output_tokens: always set, by the request or by the settings.
        prompt_bytes: size of the request's record, an upper bound of the UTF-8 bytes of its texts.
        input_hash: sha256 of what the model will see and of the options that shape the answer.
        deadline: unix time in seconds after which nobody wants the answer.
        progress: shared by all calls of the run.
        journal: of the run.
        route: of the run's plan, for the bill, with its `variant`; None for a plain model.
    """

    run_id: str
    tenant: str
    request: Request
    model: str
    max_output_tokens: int
    prompt_bytes: int
    input_hash: str
    deadline: float
    progress: Progress
    journal: Journal
    route: str | None = None
    variant: str | None = None

    @property
    def usage_id(self) -> str:
        """Identity of the try that is under way, and of its usage line."""
        return usage_id(self.run_id, self.progress.attempt, self.progress.calls)
