"""The books of a simulation: what was seen, kept apart from what the product counts."""

from dataclasses import dataclass, field

from streamproc.chain.limits import LimitRules

__all__ = ["PER_SECOND", "RATIO", "RULES", "TENANT", "TENANTS", "Books", "Excess"]

RULES = {
    "one": LimitRules(3000, 50, 600_000, 20_000, 60),
    "two": LimitRules(1500, 25, 300_000, 10_000, 30),
}
TENANT = LimitRules(720, 12, 1_200_000, 40_000, 40)
TENANTS = ("a", "b", "c", "d")
RATIO, PER_SECOND = 0.1, 2.0


class Excess:
    """How far a flow is above its rate: in no window is more than rate × time and this."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._at = 0.0
        self._level = 0.0
        self.highest = 0.0

    def add(self, amount: float, now: float) -> None:
        self._level = max(0.0, self._level - (now - self._at) * self._per_second)
        self._at = now
        self._level = max(0.0, self._level + amount)
        self.highest = max(self.highest, self._level)


@dataclass
class Books:
    """What was seen, apart from what the product counts."""

    requests: dict[str, Excess] = field(
        default_factory=lambda: {n: Excess((r.requests_per_minute or 0) / 60) for n, r in RULES.items()}
    )
    tokens: dict[str, Excess] = field(
        default_factory=lambda: {n: Excess((r.tokens_per_minute or 0) / 60) for n, r in RULES.items()}
    )
    tenants: dict[str, Excess] = field(
        default_factory=lambda: {name: Excess((TENANT.requests_per_minute or 0) / 60) for name in TENANTS}
    )
    tenant_holds: int = 0
    running: dict[str, int] = field(default_factory=lambda: dict.fromkeys((*RULES, *TENANTS), 0))
    most_running: dict[str, int] = field(default_factory=lambda: dict.fromkeys((*RULES, *TENANTS), 0))
    retries: Excess = field(default_factory=lambda: Excess(PER_SECOND))
    probes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(RULES, 0))
    most_probes: int = 0
    all_probes: int = 0
    calls: int = 0
    calls_in_outages: int = 0
    retried: int = 0
    completed: int = 0
    cancelled: int = 0
    expired: int = 0
