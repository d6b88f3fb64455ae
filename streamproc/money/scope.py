"""Scopes: whose money a call is. Every call is of four: all together, its tenant, its user, its feature."""

from typing import NamedTuple

from streamproc.records.pattern import Kind
from streamproc.records.usage import UsageLine

__all__ = ["GLOBAL", "Scope", "Spend", "scopes_of", "spend_of"]


class Scope(NamedTuple):
    """Somebody or something whose calls are added up.

    Users are their tenant's own: two tenants may have a user of one name, and must not spend each other's budget. A
    feature is the operator's own word, and one feature for all tenants.
    """

    kind: Kind
    name: str = ""
    tenant: str = ""

    def __str__(self) -> str:
        if self.kind == "user":
            return f"user {self.name} of tenant {self.tenant}"
        return f"{self.kind} {self.name}" if self.name else self.kind


GLOBAL = Scope("global")


class Spend(NamedTuple):
    """What one call takes out of budgets: before it the most that it can take, after it what it took.

    Attributes:
        usage_id: identity of the call and of its usage line.
        at_ms: unix time in milliseconds when the call began; its windows are those of this time.
        nanos: nano-dollars; None is an unknown price.
        tokens: input and output together; None when they are not known.
    """

    usage_id: str
    tenant: str
    user: str | None
    feature: str | None
    at_ms: int
    nanos: int | None
    tokens: int | None

    @property
    def run_id(self) -> str:
        """The run that the call is made for."""
        return self.usage_id.rsplit("/", 2)[0]


def scopes_of(spend: Spend) -> tuple[Scope, ...]:
    """The scopes of a call; it may have no user and no feature."""
    scopes = [GLOBAL, Scope("tenant", spend.tenant)]
    if spend.user is not None:
        scopes.append(Scope("user", spend.user, spend.tenant))
    if spend.feature is not None:
        scopes.append(Scope("feature", spend.feature))
    return tuple(scopes)


def spend_of(line: UsageLine) -> Spend:
    """What a usage line takes: its own figures, or the most that the call can have used where nobody told.

    An answer out of a cache takes nothing.
    """
    nanos, tokens = line.cost_nanos, line.tokens.total
    if line.basis == "cache":
        nanos = tokens = 0
    if line.at_most is not None:
        nanos, tokens = line.at_most.cost_nanos, line.at_most.tokens
    at_ms = int(line.started_at.timestamp() * 1000)
    return Spend(line.usage_id, line.tenant, line.user, line.feature, at_ms, nanos, tokens)
