"""Tenants: the limits of each, where the settings state any. Pure."""

from collections import OrderedDict
from collections.abc import Mapping

from streamproc.chain.limits import Limiting, LimitRules, LimitsOf, own_limits

__all__ = ["EVERYBODY", "Tenants"]

EVERYBODY = "*"
"""The name under which the settings limit each tenant that they do not name, each by itself."""

_MOST_REMEMBERED = 10_000


class Tenants:
    """Limits by tenant. Names come from senders, so idle ones are forgotten beyond a bound."""

    def __init__(
        self, rules: Mapping[str, LimitRules], most: int = _MOST_REMEMBERED, limits_of: LimitsOf = own_limits
    ) -> None:
        self._rules = rules
        self._most = most
        self._limits_of = limits_of
        self._limits: OrderedDict[str, Limiting] = OrderedDict()

    def of(self, tenant: str, now: float) -> Limiting | None:
        """The limits of a tenant; None where it has none."""
        rules = self._rules.get(tenant) or self._rules.get(EVERYBODY)
        if rules is None:
            return None
        limits = self._limits.get(tenant)
        if limits is None:
            self._forget(now)
            limits = self._limits[tenant] = self._limits_of(f"tenant:{tenant}", rules)
        return limits

    def _forget(self, now: float) -> None:
        # Oldest first, a few at a time: who used something within the last minute or so is put to the end and stays.
        for _ in range(min(2, max(0, len(self._limits) - self._most))):
            name, limits = self._limits.popitem(last=False)
            if not limits.is_idle(now):
                self._limits[name] = limits
