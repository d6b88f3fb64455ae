"""The run: the work for one record, from its validation to its terminal result."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from streamproc.chain.call import Call, Progress
from streamproc.chain.journal import Journal
from streamproc.chain.plan import Asked, Choice, Plan
from streamproc.chain.provider import Provider
from streamproc.errors import InvalidRequest
from streamproc.records.deferral import Deferral
from streamproc.records.identity import RunId
from streamproc.records.outgoing import Outgoing
from streamproc.records.request import Request
from streamproc.records.result import Result
from streamproc.records.usage import UsageLine

__all__ = ["History", "Incoming", "Run", "Terminal"]

_USUAL_PRIORITY = 5


@dataclass(frozen=True, slots=True)
class History:
    """What former owners of the partition did for a run before they lost it.

    Attributes:
        last_attempt: the highest attempt they began, None when there was none.
        crashes: how many of them lost calls of this run.
        spent_nanos: the most their calls can have cost, for the request's own budget.
        answer: the finished answer, when nothing but its publication was missing.
        bills: of its calls that have ended, as far as they are not published; an answer takes them along.
    """

    last_attempt: int | None = None
    crashes: int = 0
    spent_nanos: int = 0
    answer: Result | None = None
    bills: tuple[UsageLine, ...] = ()


class Incoming(NamedTuple):
    """A record as it came from a request topic, or from the topic of deferred runs.

    Attributes:
        id: the run's; of a deferred one it names the record on the request topic.
        offset: of this record in its partition.
        tenant: the one its source or its deferral pins.
        order_key: topic, partition and record key, where runs of one key are answered one after the other.
        deferral: what a deferred run takes along.
        problem: why the record cannot be taken, whatever its value is.
    """

    id: RunId
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    epoch: int
    journal: Journal
    tenant: str | None = None
    history: History = History()
    deferral: Deferral | None = None
    problem: InvalidRequest | None = None
    order_key: tuple[str, int, bytes] | None = None


@dataclass(slots=True, eq=False)
class Run:
    """A valid request on its way. Its plan, its progress, `not_before` and what is answered, paced or cancelled change.

    Attributes:
        offset: of its record in the partition it was read from: of a deferred one it is not the id's.
        plan: which models may answer it.
        deadline: unix seconds; the run is `expired` after it.
        not_before: unix seconds; the run takes no slot before it.
        taken_at: monotonic seconds when the record entered the window.
        order_key: it starts when the one before it with the same order key has its end; None: whenever it can.
        is_answered: the cache had its answer, or an equal run was buying it, when it came.
        is_paced: it has waited for the turn that a budget gave it, or `not_before` is that turn.
        is_vain: it was content with less, and there was nothing; it waits as any other.
        renewed_at: monotonic seconds when its plan was looked at last.
        is_deferred: it comes from the topic of deferred runs.
        is_cancelled: its sender wants no answer any more; whoever holds it ends it.
    """

    id: RunId
    offset: int
    request: Request
    plan: Plan
    tenant: str
    input_hash: str
    size_bytes: int
    deadline: float
    not_before: float
    taken_at: float
    progress: Progress
    journal: Journal
    trace: bytes | None = None
    replay_of: str | None = None
    order_key: tuple[str, int, bytes] | None = None
    is_answered: bool = False
    is_paced: bool = False
    is_vain: bool = False
    renewed_at: float = -inf
    is_deferred: bool = False
    is_cancelled: bool = False

    @property
    def choice(self) -> Choice:
        """The one that is asked now, or was asked last."""
        return self.plan.choices[self.progress.choice]

    @property
    def provider(self) -> Provider:
        """The chain in front of the provider that is asked."""
        return self.choice.provider

    @property
    def model(self) -> str:
        """That provider's own name of the model."""
        return self.choice.model

    @property
    def route(self) -> str:
        """What the run waits for, a model or a variant; ready queues are kept for each (route, tenant).

        Runs that need nobody's leave have queues of their own, so that no run that waits stands before them: those that
        the cache can answer, and those that are content with less when nobody can answer.
        """
        if self.is_answered:
            return "cache"
        return f"{self.plan.queue} or less" if self.takes_less else self.plan.queue

    @property
    def takes_less(self) -> bool:
        """Whether it would be content with less than an answer of its own, and there may be something."""
        return self.request.takes_less and not self.is_vain

    @property
    def open_choices(self) -> Sequence[int]:
        """Numbers of the choices that may answer it; of all, where none seems to be fit."""
        unfit, choices = self.progress.unfit, self.plan.choices
        everything = range(len(choices))
        return (unfit and [number for number in everything if choices[number].place not in unfit]) or everything

    @property
    def asked(self) -> Asked:
        """What its plan was made for."""
        return Asked(self.request, str(self.id), self.tenant, self.size_bytes, self.deadline)

    def call(self, default_output_tokens: int) -> Call:
        """What goes down the chain for it; answers have so many tokens at most where the request does not say."""
        return Call(
            run_id=str(self.id),
            tenant=self.tenant,
            request=self.request,
            model=self.model,
            max_output_tokens=self.request.max_output_tokens or default_output_tokens,
            prompt_bytes=self.size_bytes,
            input_hash=self.input_hash,
            deadline=self.deadline,
            progress=self.progress,
            journal=self.journal,
            route=self.plan.route,
            variant=self.plan.variant,
        )

    def follow(self, plan: Plan) -> None:
        """Takes another plan, from its first choice on."""
        self.plan = plan
        self.progress.choice = 0

    @property
    def priority(self) -> int:
        """From 0 to 9, higher goes first among runs of its tenant."""
        asked = self.request.priority
        return _USUAL_PRIORITY if asked is None else asked


@dataclass(frozen=True, slots=True)
class Terminal:
    """Everything a run leaves behind. It is published together, and the run's offset is done with it."""

    records: tuple[Outgoing, ...]
