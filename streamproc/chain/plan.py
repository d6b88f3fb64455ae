"""The plan of a run: which models may answer it, in order."""

from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple, Self

from streamproc.chain.provider import Provider
from streamproc.records.request import Request

__all__ = ["Asked", "Choice", "Plan"]


class Asked(NamedTuple):
    """What a plan is made for.

    Attributes:
        run_id: identity of the run, as text.
        tenant: whom the run is billed to.
        size_bytes: of the request's record.
        deadline: unix seconds.
    """

    request: Request
    run_id: str
    tenant: str
    size_bytes: int
    deadline: float


class Choice(NamedTuple):
    """A model that may answer: `provider` is the whole chain in front of its provider, `model` that one's own name.

    `context_tokens` is the size of its context as far as the settings tell.
    """

    provider: Provider
    model: str
    context_tokens: int | None = None

    @property
    def place(self) -> str:
        """The provider and the model, for people."""
        return f"{self.provider.name}/{self.model}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The choices of a run, at least one, and what stands in front of them.

    Attributes:
        chain: goes through the choices; of a single one it is that one's own.
        queue: what such a run waits for. Runs of one queue have the same choices.
        route: the one that was asked for, or the fallback of it that was taken; None for a plain model.
        variant: of that route.
        changes: whether the same request may get another plan at another time.
        max_wait_seconds: a choice that a limit holds for longer gives way to the next one.
        providers: names of all of them.
    """

    chain: Provider
    choices: tuple[Choice, ...]
    queue: str
    route: str | None = None
    variant: str | None = None
    changes: bool = False
    max_wait_seconds: float = inf
    providers: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        # Once for each plan, and not for each call that ends.
        object.__setattr__(self, "providers", frozenset(choice.provider.name for choice in self.choices))

    @classmethod
    def plain(cls, choice: Choice, chain: Provider | None = None) -> Self:
        """The plan of a request that names a model: that one, or none. `chain` stands in front of it."""
        return cls(chain or choice.provider, (choice,), choice.place)
