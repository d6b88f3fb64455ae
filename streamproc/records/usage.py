"""The usage line: what one call to a provider used and cost."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter

from streamproc.records.shapes import Billed, CallTime, Nanos, Tokens

__all__ = ["USAGE_LINE", "AtMost", "Basis", "CacheState", "Saved", "TokenCounts", "UsageLine"]

_NEVER = datetime.fromtimestamp(0, UTC)

Basis = Literal["provider", "estimated", "upper_bound", "cache"]
"""How sure the figures are: reported by the provider, counted by us, the most it can have been, or served by us."""


CacheState = Literal["hit", "coalesced", "stale"]
"""How an answer came without a call of its own: from a store, from the call of an equal run at the same time, or from a
store though its time was over, because nobody could answer."""


@dataclass(frozen=True, kw_only=True)
class TokenCounts(Billed):
    """Tokens by kind. `input` includes `cached_input` and `cache_write`; `output` includes `reasoning`.

    `cache_write` includes `cache_write_1h`, what was written to stay for an hour. `web_searches` are no tokens but
    requests that the provider's own search tool made. None means not known, which is not zero.
    """

    input: Tokens | None = None
    output: Tokens | None = None
    cached_input: Tokens | None = None
    cache_write: Tokens | None = None
    reasoning: Tokens | None = None
    cache_write_1h: Tokens | None = None
    web_searches: Annotated[int, Field(ge=0)] | None = None

    @property
    def total(self) -> int | None:
        """Input and output together; None when one of them is not known."""
        return None if self.input is None or self.output is None else self.input + self.output


@dataclass(frozen=True, kw_only=True)
class AtMost(Billed):
    """The most that a call can have used: nano-dollars, and input and output tokens together. None has no bound."""

    cost_nanos: Nanos | None = None
    tokens: Tokens | None = None


@dataclass(frozen=True, kw_only=True)
class Saved(Billed):
    """What a run did not pay because an equal one had: tokens and cost of the call that made the answer."""

    state: CacheState
    tokens: TokenCounts
    nanos: Nanos | None = None


@dataclass(frozen=True, kw_only=True)
class UsageLine(Billed):
    """A line of the bill. Never changed later: a correction is a new line.

    `usage_id` is `run_id/attempt/call` and unique. `cost_nanos` are integer nano-dollars; None is not known, because
    the price or the tokens are not, and never zero. `at_most` is there where the call may have used more than the line
    says, because the provider did not tell, or its price is not known: budgets count that instead. `service_tier` is
    the one that the provider says it answered on. `reason` says why a call ended, when it was not by a complete answer.
    A line with the basis `cache` is no call's: it used nothing, and tells what it `saved`.
    `route` and `variant` are those of the request, where it names a route.
    """

    usage_id: str
    run_id: str
    request_id: str
    tenant: str
    user: str | None = None
    feature: str | None = None
    attempt: int
    provider: str
    model: str
    tokens: TokenCounts
    cost_nanos: Nanos | None = None
    basis: Basis
    at_most: AtMost | None = None
    price_version: str | None = None
    service_tier: str | None = None
    reason: str | None = None
    input_hash: str
    started_at: CallTime
    ended_at: CallTime
    saved: Saved | None = None
    route: str | None = None
    variant: str | None = None

    @classmethod
    def unknown(cls, provider: str) -> Self:
        """The line of a lost call to this provider of which nothing is known yet, to be `changed`."""
        return cls(
            usage_id="",
            run_id="",
            request_id="",
            tenant="",
            attempt=0,
            provider=provider,
            model="",
            tokens=TokenCounts(),
            basis="upper_bound",
            reason="lost",
            input_hash="",
            started_at=_NEVER,
            ended_at=_NEVER,
        )


USAGE_LINE = TypeAdapter(UsageLine)
"""Reads a usage line and checks it."""
