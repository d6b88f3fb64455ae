"""The Observer protocol: one method, told of every decision. It must be fast and cannot fail the work."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from streamproc.observe.cache_events import AnswerStored, CacheLooked, StoreTrouble
from streamproc.observe.route_events import FellBack, RuleFailed
from streamproc.records.alert import BudgetAlert
from streamproc.records.usage import UsageLine

__all__ = [
    "AlertTrouble",
    "BreakerChanged",
    "BudgetAlerted",
    "BudgetHeld",
    "BudgetSpent",
    "BudgetsChanged",
    "CallEnded",
    "CallsHeld",
    "ClockBehind",
    "Committed",
    "ControlTrouble",
    "DeadLettered",
    "Happening",
    "LedgerChanged",
    "LedgerOpened",
    "Observer",
    "PartitionChanged",
    "PublishBroke",
    "RetryPlanned",
    "RetryRefused",
    "RunDeferred",
    "RunEnded",
    "RunWaits",
    "SharedLimitsChanged",
    "UsageAboveBound",
    "UsageUnreadable",
]


class CallEnded(NamedTuple):
    """A call to a provider ended; `line` is its usage line, or None when it cannot have cost anything.

    `request_id` is the provider's own id of the call, None where it gave none.
    """

    run_id: str
    attempt: int
    provider: str
    model: str
    tenant: str
    input_hash: str
    outcome: str
    seconds: float
    first_token_seconds: float | None
    line: UsageLine | None
    error: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class RetryPlanned:
    """A layer will try again after `wait_seconds`; `restart` when tokens had already been published."""

    run_id: str
    provider: str
    code: str
    wait_seconds: float
    restart: bool


@dataclass(frozen=True, slots=True)
class RetryRefused:
    """A layer makes no further try in a row; `reason` says which rule of `chain.retry_rules` forbids it."""

    run_id: str
    provider: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class BreakerChanged:
    """A breaker opened, let a probe through or closed; an open one lets none through for `wait_seconds`."""

    provider: str
    credential: str
    model: str
    state: str
    reason: str
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class CallsHeld:
    """Runs that are ready take no slot now; `tenant` is told where only that one's own limit holds them."""

    provider: str
    reason: str
    tenant: str | None
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class SharedLimitsChanged:
    """The Redis that limits are leased from is open or away; `workers` share them, None when that was never known."""

    state: str
    sentence: str
    workers: int | None


@dataclass(frozen=True, slots=True)
class RunWaits:
    """A run went back to its ready queue for `wait_seconds`."""

    run_id: str
    code: str
    sentence: str
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class RunDeferred:
    """A run goes to the topic of deferred runs, so that others can be taken in its place."""

    run_id: str


class RunEnded(NamedTuple):
    """A run has its terminal result."""

    run_id: str
    tenant: str | None
    model: str | None
    status: str
    code: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class DeadLettered:
    """A record was no valid request."""

    run_id: str
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Committed:
    """The results of some runs and the offset of their partition are safe in Kafka."""

    topic: str
    partition: int
    runs: int
    seconds: float


@dataclass(frozen=True, slots=True)
class PartitionChanged:
    """A partition was claimed, paused, resumed, or lost."""

    topic: str
    partition: int
    change: str


@dataclass(frozen=True, slots=True)
class ClockBehind:
    """This worker's clock is so many seconds behind that of whoever claimed the partition before it."""

    topic: str
    partition: int
    seconds: float


@dataclass(frozen=True, slots=True)
class PublishBroke:
    """A producer stopped working and is replaced."""

    topic: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ControlTrouble:
    """A control topic has a record that is not obeyed, or more than is remembered, or it cannot be read."""

    topic: str
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class JournalTrouble:
    """The journal, or the usage topic beside it, cannot be read, or the journal holds a record that is no note."""

    topic: str
    sentence: str


@dataclass(frozen=True, slots=True)
class CallLost:
    """A call of a worker that lost its partition is billed by its successor, from what the journal says."""

    line: UsageLine


@dataclass(frozen=True, slots=True)
class UsageAboveBound:
    """A provider reports more than its call could use by our own bound. `line` is billed all the same.

    `bound` is what the call was noted, and reserved, with: budgets were held against too little.
    """

    line: UsageLine
    bound: UsageLine


@dataclass(frozen=True, slots=True)
class UsageUnreadable:
    """A record of the usage topic cannot be read, so no budget counts it. Unless it is skipped, no call begins."""

    topic: str
    partition: int
    offset: int
    sentence: str
    is_skipped: bool


@dataclass(frozen=True, slots=True)
class BudgetHeld:
    """A call waits for room in a budget, or for the ledger itself; `why` as in `money.verdict`."""

    run_id: str
    why: str
    sentence: str


@dataclass(frozen=True, slots=True)
class BudgetSpent:
    """A budget has no room for a call in this window; `reason` as in `money.verdict`."""

    run_id: str
    reason: str
    sentence: str


@dataclass(frozen=True, slots=True)
class LedgerOpened:
    """The ledger knows what was spent and what may be under way; it took so long to read that from Kafka."""

    seconds: float


@dataclass(frozen=True, slots=True)
class LedgerChanged:
    """The ledger's view in Redis is open, was lost and is built anew, is foreign (of other settings), or is away."""

    state: str
    sentence: str


@dataclass(frozen=True, slots=True)
class BudgetsChanged:
    """Operators' words on budgets were read, and hold from now on."""

    words: int


@dataclass(frozen=True, slots=True)
class BudgetAlerted:
    """Settled spend reached a share of a cap, and was not told before."""

    alert: BudgetAlert


@dataclass(frozen=True, slots=True)
class AlertTrouble:
    """An alert could not be delivered to the webhook; it stands on its topic all the same."""

    alert_id: str
    sentence: str


Happening = (
    CallEnded
    | RetryPlanned
    | RetryRefused
    | BreakerChanged
    | CallsHeld
    | SharedLimitsChanged
    | RunWaits
    | RunDeferred
    | RunEnded
    | DeadLettered
    | Committed
    | PartitionChanged
    | ClockBehind
    | PublishBroke
    | ControlTrouble
    | JournalTrouble
    | CallLost
    | UsageAboveBound
    | UsageUnreadable
    | BudgetHeld
    | BudgetSpent
    | LedgerOpened
    | LedgerChanged
    | BudgetsChanged
    | BudgetAlerted
    | AlertTrouble
    | CacheLooked
    | AnswerStored
    | StoreTrouble
    | FellBack
    | RuleFailed
)


class Observer(Protocol):
    """Is told what happens."""

    def saw(self, happening: Happening) -> None:
        """Takes note, quickly."""
        ...
