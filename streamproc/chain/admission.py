"""Admission: which credential of a provider takes a call now, if any. It never waits.

Credentials take turns, so that each bears its part of the load; one that its breaker or a limit holds back is passed
over. The tenant's own limits are looked at first, because they hold for every credential.
"""

from collections.abc import Mapping
from math import inf

from streamproc.chain.breaker import BreakerRules
from streamproc.chain.clock import Clock
from streamproc.chain.limits import Hold, Limiting, LimitRules, LimitsOf, own_limits
from streamproc.chain.line import Line
from streamproc.chain.permit import Ask, NotBefore, Permit
from streamproc.chain.standing import Standing
from streamproc.chain.tenants import Tenants
from streamproc.observe.events import BreakerChanged, Observer

__all__ = ["Admission"]

_AWAY = frozenset({"breaker", "pause"})

_NOBODY = NotBefore(inf, "breaker", is_tenant=False)


def _hold(limits: Limiting | Standing, ask: Ask, now: float) -> Hold | None:
    return limits.hold(ask.tokens, now, limits.line.before(ask.queue, now))


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
        """A permit of the next credential in turn that has one to give, or how long there is none.

        Who waits keeps its turn: it has a place in the line of what holds it, and others that ask later go behind.
        """
        now = self._clock.monotonic()
        tenant = self._tenants.of(ask.tenant, now)
        if tenant is not None and (hold := _hold(tenant, ask, now)) is not None:
            tenant.line.join(ask.queue, ask.tokens, now + hold.seconds)
            return NotBefore(hold.seconds, hold.reason, is_tenant=True)
        if tenant is not None:
            tenant.line.leave(ask.queue)
        shortest = _NOBODY
        lines: tuple[Line, ...] = ()
        count = len(self._limits)
        for step in range(count):
            name, limits = self._limits[(self._turn + step) % count]
            standing = self._standing(name, ask.model)
            at: tuple[Line, ...]
            if (hold := _hold(standing, ask, now)) is not None:
                # A model that is away holds up no other one of its credential, nor anybody behind it.
                at = () if hold.reason in _AWAY else (standing.line,)
            elif (hold := _hold(limits, ask, now)) is not None:
                at = (standing.line, limits.line)
            else:
                self._turn = (self._turn + step + 1) % count
                self.step_back(ask.model, ask.queue)
                entered = (limits,) if tenant is None else (limits, tenant)
                return Permit(
                    standing, entered, ask.tokens, self._clock.monotonic, self._tell, is_one_of_several=count > 1
                )
            if hold.seconds < shortest.seconds:
                shortest = NotBefore(hold.seconds, hold.reason, is_tenant=False)
                lines = at
        self._line_up(ask, lines, now + shortest.seconds)
        return shortest

    def step_back(self, model: str, queue: str | None) -> None:
        """A queue waits here no more; it goes in, or elsewhere."""
        if queue is None:
            return
        for name, limits in self._limits:
            self._standing(name, model).line.leave(queue)
            limits.line.leave(queue)

    def _line_up(self, ask: Ask, lines: tuple[Line, ...], comes_at: float) -> None:
        """Has a queue wait in these lines and in no other: at one credential, or all would keep room for one call."""
        for name, limits in self._limits:
            for line in (self._standing(name, ask.model).line, limits.line):
                if line in lines:
                    line.join(ask.queue, ask.tokens, comes_at)
                else:
                    line.leave(ask.queue)

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
