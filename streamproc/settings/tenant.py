"""A tenant: what it may use, and how it stands beside the others."""

from pydantic import Field

from streamproc.settings.call_limits import CallLimitSettings

__all__ = ["TenantSettings"]


class TenantSettings(CallLimitSettings):
    """Limits of a tenant's calls, in each process, and its part of the turns."""

    weight: float = Field(
        1.0, ge=0.001, le=1000, description="Turns beside the others of its route; and slots, with max_tenant_share."
    )
