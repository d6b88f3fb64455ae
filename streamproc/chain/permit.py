"""The permit: leave to make one call, with one credential. Whoever has it gives it back, on every way out.

It is taken without waiting: by the dispatch for a run's first call, before the run has a slot; by the layer `Limited`
for each further one. The layer around the real call tells it what became of the call.
"""

from collections.abc import Callable
from typing import NamedTuple

from streamproc.chain.allowance import Left
from streamproc.chain.limits import HoldReason, Limiting
from streamproc.chain.standing import Standing
from streamproc.errors import CredentialFault, ProviderError
from streamproc.records.usage import UsageLine

__all__ = ["Ask", "NotBefore", "Permit"]


class Ask(NamedTuple):
    """What a permit is asked for: a call to this model, for this tenant, of so many tokens by estimate.

    `queue` is the name of the queue that the call waits in; None: it does not wait, and has no place in a line.
    """

    model: str
    tenant: str
    tokens: int
    queue: str | None = None


class NotBefore(NamedTuple):
    """No call now, and none for so many seconds. `is_tenant`: its own limit holds it, others may call."""

    seconds: float
    reason: HoldReason
    is_tenant: bool

    def is_brief(self, seconds: float) -> bool:
        """Whether it is known to be over within so long: by a limit's own reckoning, or as the provider asked."""
        return self.seconds <= seconds and self.reason in ("pause", "requests", "tokens")


class Permit:
    """Leave for one call. After `ended` or `release` it is spent, and both do nothing more."""

    __slots__ = (
        "_begun",
        "_entries",
        "_first",
        "_is_one_of_several",
        "_mark",
        "_now",
        "_standing",
        "_tell",
        "_ticket",
        "_tokens",
        "is_spent",
    )

    def __init__(
        self,
        standing: Standing,
        limits: tuple[Limiting, ...],
        tokens: int,
        now: Callable[[], float],
        tell: Callable[[Standing], None],
        *,
        is_one_of_several: bool = False,
    ) -> None:
        """Enters everywhere at once; who makes it has seen that nothing holds it.

        Args:
            standing: of the credential with the model.
            limits: of the credential, and of the tenant where it has any.
            tokens: the estimate.
            now: monotonic seconds.
            tell: is told when the breaker changed.
            is_one_of_several: the provider has further credentials.
        """
        self.is_spent = False
        self._is_one_of_several = is_one_of_several
        self._standing = standing
        self._tokens = tokens
        self._now = now
        self._tell = tell
        self._begun: float | None = None
        self._first: float | None = None
        at = now()
        self._entries = [limit.enter(tokens, at) for limit in limits]
        self._mark = standing.enter(tokens, at)
        was = standing.breaker.state
        self._ticket = standing.breaker.begin()
        if standing.breaker.state is not was:
            tell(standing)

    def __repr__(self) -> str:
        return f"Permit({self.credential}, {self._standing.model}, is_spent={self.is_spent})"

    @property
    def credential(self) -> str:
        """Its name in the settings."""
        return self._standing.credential

    def began(self) -> None:
        """The real call begins now."""
        self._begun = self._now()

    def answered(self) -> None:
        """Its first token is here: a provider that was probed answers again."""
        if self._begun is not None and not self.is_spent:
            now = self._now()
            self._first = now - self._begun
            if self._standing.breaker.answered(self._ticket, self._first, now):
                self._tell(self._standing)

    def ended(self, error: ProviderError | None, line: UsageLine | None, *, is_complete: bool) -> None:
        """The call is over. An end that is neither an error nor complete was cut off by us, and proves nothing.

        Args:
            error: of the provider. One of the credential is made to say which it was, where there are several.
            line: what it used; None is nothing.
            is_complete: the answer came to its end.
        """
        if self.is_spent:
            return
        if self._is_one_of_several and isinstance(error, CredentialFault):
            error.args = (f"{error} (credential {self.credential!r})",)
        now, standing, is_changed = self._now(), self._standing, False
        if error is not None:
            is_changed = standing.failed(self._ticket, error, self._begun or now, now)
        elif is_complete:
            is_changed = standing.succeeded(self._ticket, self._first, now)
        else:
            standing.breaker.abandoned(self._ticket, now)
        if is_changed:
            self._tell(standing)
        self._leave(self._used(line), now)

    def told(self, left: Left) -> None:
        """The provider says, beside its answer, what is left of its limits."""
        self._standing.told(left, self._mark, self._now())

    def release(self) -> None:
        """Gives it back. If no call began, nothing was used."""
        if not self.is_spent:
            self._standing.breaker.abandoned(self._ticket, self._now())
            self._leave(None if self._begun is None else self._tokens, self._now())

    def _leave(self, used: int | None, now: float) -> None:
        self.is_spent = True
        self._standing.leave(self._mark)
        for entry in self._entries:
            entry.leave(used, now)

    def _used(self, line: UsageLine | None) -> int:
        if line is None:
            return 0
        used = line.tokens.total
        return self._tokens if used is None else used
