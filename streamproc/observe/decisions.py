"""Decisions on the way to an answer, as metrics tell of them. Every label comes from the settings or from our code."""

from collections.abc import Callable

from streamproc.observe.events import BreakerChanged, CallsHeld, RetryPlanned, RetryRefused
from streamproc.observe.route_events import FellBack, RuleFailed
from streamproc.observe.tallies import Counts

__all__ = ["Decision", "DecisionCounts"]

Decision = RetryPlanned | RetryRefused | CallsHeld | BreakerChanged | FellBack | RuleFailed


class DecisionCounts:
    """How often calls were tried again, held back, or given to another model."""

    def __init__(self, counter: Callable[..., Counts]) -> None:
        """`counter` makes one from its name, its meaning and the names of its labels."""
        self._retries = counter("streamproc_retries_total", "Further tries of a call.", "provider", "code")
        self._restarts = counter("streamproc_restarts_total", "Retries after the first token, visible to readers.")
        self._retries_refused = counter(
            "streamproc_retries_refused_total", "Further tries in a row that a rule forbade.", "provider", "reason"
        )
        self._holds = counter(
            "streamproc_holds_total", "Times that runs without a slot were refused a call.", "provider", "reason"
        )
        self._breakers = counter(
            "llm_breaker_changes_total", "Breakers that came into this state.", "provider", "credential", "state"
        )
        self._fallbacks = counter(
            "streamproc_fallbacks_total",
            "Times that a run went on to another model of its route.",
            "route",
            "left",
            "taken",
            "reason",
        )
        self._rules = counter(
            "streamproc_route_rules_failed_total", "Errors that users' rules raised.", "route", "variant"
        )

    def saw(self, decision: Decision) -> None:
        """Counts it."""
        match decision:
            case RetryPlanned(provider=provider, code=code, restart=restart):
                self._retries.add((provider, code))
                if restart:
                    self._restarts.add()
            case RetryRefused(provider=provider, reason=reason):
                self._retries_refused.add((provider, reason))
            case CallsHeld(provider=provider, reason=reason):
                self._holds.add((provider, reason))
            case BreakerChanged(provider=provider, credential=credential, state=state):
                self._breakers.add((provider, credential, state))
            case FellBack(route=route, left=left, taken=taken, reason=reason):
                self._fallbacks.add((route, left, taken, reason))
            case RuleFailed(route=route, variant=variant):
                self._rules.add((route, variant))
