"""Fairness: from the settings to what dispatch goes by."""

from collections.abc import Callable

from streamproc.chain.tenants import EVERYBODY
from streamproc.kafka.shares import Shares
from streamproc.kafka.slots import Slots
from streamproc.settings.settings import Settings

__all__ = ["slots_of", "weights_of"]


def weights_of(settings: Settings) -> Callable[[str], float]:
    """Gives the weight of a tenant: its own, that of everybody, or 1."""
    weights = {name: tenant.weight for name, tenant in settings.tenants.items()}
    others = weights.get(EVERYBODY, 1.0)
    return lambda tenant: weights.get(tenant, others)


def slots_of(settings: Settings) -> Slots:
    """The slots of a process, all free; models and tenants that the settings name are known to come."""
    worker = settings.worker
    routes = (f"{name}/{model}" for name, provider in settings.providers.items() for model in provider.models)
    pinned = {source.tenant for source in settings.sources if source.tenant is not None}
    tenants = {*settings.tenants, *pinned} - {EVERYBODY}
    return Slots(
        worker.max_running,
        Shares(worker.max_route_share, routes),
        Shares(worker.max_tenant_share, tenants, weights_of(settings)),
    )
