"""Admission: which credential of a provider takes a call now, if any. It never waits.

Credentials take turns, so that each bears its part of the load; one that its breaker or a limit holds back is passed
over. The tenant's own limits are looked at first, because they hold for every credential.
"""

from collections.abc import Mapping

from streamproc.chain.breaker import BreakerRules
from streamproc.chain.clock import Clock
from streamproc.chain.limits import LimitRules, LimitsOf, own_limits
from streamproc.chain.permit import Ask, NotBefore, Permit
from streamproc.chain.standing import Standing
from streamproc.chain.tenants import Tenants
from streamproc.observe.events import BreakerChanged, Observer

__all__ = ["Admission"]


class Admission:
    """The credentials of one provider, at least one, and how each stands with each model."""

    def __init__(
        self,
        provider: str,
        credentials: Mapping[str, LimitRules],
        tenants: Tenants,
        breaker: BreakerRules,
        clock: Clock,
        observer: Observer,
        limits_of: LimitsOf = own_limits,
    ) -> None:
        self._provider = provider
        self._limits = [
            (name, limits_of(f"credential:{provider}/{name}", rules)) for name, rules in credentials.items()
        ]
        self._standings: dict[tuple[str, str], Standing] = {}
        self._tenants = tenants
        self._breaker = breaker
        self._clock = clock
        self._observer = observer
        self._turn = 0

    def admit(self, ask: Ask) -> Permit | NotBefore:
        """A permit of the next credential in turn that has one to give, or how long there is none."""
        now = self._clock.monotonic()
        tenant = self._tenants.of(ask.tenant, now)
        if tenant is not None and (hold := tenant.hold(ask.tokens, now)) is not None:
            return NotBefore(hold.seconds, hold.reason, is_tenant=True)
        shortest = NotBefore(float("inf"), "breaker", is_tenant=False)
        count = len(self._limits)
        for step in range(count):
            name, limits = self._limits[(self._turn + step) % count]
            standing = self._standing(name, ask.model)
            if (hold := standing.hold(ask.tokens, now) or limits.hold(ask.tokens, now)) is None:
                self._turn = (self._turn + step + 1) % count
                entered = (limits,) if tenant is None else (limits, tenant)
                return Permit(
                    standing, entered, ask.tokens, self._clock.monotonic, self._tell, is_one_of_several=count > 1
                )
            if hold.seconds < shortest.seconds:
                shortest = NotBefore(hold.seconds, hold.reason, is_tenant=False)
        return shortest

    def standings(self) -> list[Standing]:
        """How each credential stands with each model that was asked for; another thread may look."""
        return list(self._standings.values())

    def _standing(self, credential: str, model: str) -> Standing:
        standing = self._standings.get((credential, model))
        if standing is None:
            standing = self._standings[credential, model] = Standing(credential, model, self._breaker)
        return standing

    def _tell(self, standing: Standing) -> None:
        breaker = standing.breaker
        seconds = breaker.wait_seconds(self._clock.monotonic())
        self._observer.saw(
            BreakerChanged(
                self._provider, standing.credential, standing.model, breaker.state.value, breaker.reason, seconds
            )
        )
