"""What an API can bill for at all: a bound counts what can happen, and nothing else."""

from dataclasses import dataclass

from streamproc.settings.provider import ProviderKind

__all__ = ["ANYTHING", "BillableApi", "billable_api"]


@dataclass(frozen=True, slots=True)
class BillableApi:
    """What of a request an API passes on to whoever bills.

    Attributes:
        tiers: service tiers, beside the standard one, on which a request that asks for them may be answered.
        caches_for_an_hour: it knows the mark by which a part of the prompt stays in the cache for an hour.
    """

    tiers: frozenset[str]
    caches_for_an_hour: bool


ANYTHING = BillableApi(frozenset({"flex", "priority"}), caches_for_an_hour=True)
"""For a provider that nothing is known of."""

_TIERS = BillableApi(frozenset({"flex", "priority"}), caches_for_an_hour=False)
_PLAIN = BillableApi(frozenset(), caches_for_an_hour=False)


def billable_api(kind: ProviderKind) -> BillableApi:
    """By the wire format: marks for the cache go to Anthropic alone, tiers to those that have a field for them."""
    match kind:
        case "anthropic":
            return BillableApi(frozenset({"priority"}), caches_for_an_hour=True)
        case "openai_chat" | "openai_responses":
            return _TIERS
        case "openai_completions" | "ollama":
            return _PLAIN
        case "scripted":
            return ANYTHING
