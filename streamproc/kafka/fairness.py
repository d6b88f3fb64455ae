"""Fairness: from the settings to what dispatch goes by."""

from collections.abc import Callable
from typing import NamedTuple, Self

from streamproc.chain.tenants import EVERYBODY
from streamproc.kafka.shares import Shares
from streamproc.kafka.slots import Slots
from streamproc.settings.settings import Settings

__all__ = ["Fairness"]


class Fairness(NamedTuple):
    """Who may go, and when.

    Attributes:
        slots: of the process, all free in the beginning.
        weight_of: gives the weight of a tenant: its own, that of everybody, or 1.
        ordered: request topics whose runs have an order by their keys.
    """

    slots: Slots
    weight_of: Callable[[str], float]
    ordered: frozenset[str]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """What the settings say; models and tenants that they name are known to come."""
        worker = settings.worker
        weights = {name: tenant.weight for name, tenant in settings.tenants.items()}
        others = weights.get(EVERYBODY, 1.0)

        def weight_of(tenant: str) -> float:
            return weights.get(tenant, others)

        routes = (f"{name}/{model}" for name, provider in settings.providers.items() for model in provider.models)
        pinned = {source.tenant for source in settings.sources if source.tenant is not None}
        slots = Slots(
            worker.max_running,
            Shares(worker.max_route_share, routes),
            Shares(worker.max_tenant_share, {*settings.tenants, *pinned} - {EVERYBODY}, weight_of),
        )
        ordered = frozenset(source.topic for source in settings.sources if source.order == "key")
        return cls(slots, weight_of, ordered)
