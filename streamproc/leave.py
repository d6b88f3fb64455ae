"""Leave to call: which models a run asks, and whether it may call one of them now. Nothing here waits."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import isinf

from streamproc.caching import Cache
from streamproc.chain.admission import Admission
from streamproc.chain.clock import Clock
from streamproc.chain.limit import ask_for
from streamproc.chain.permit import NotBefore
from streamproc.chain.plan import Asked, Choice, Plan
from streamproc.chain.run import Run
from streamproc.chain.throttles import Throttles
from streamproc.errors import InvalidRequest
from streamproc.observe.events import CallsHeld, Observer
from streamproc.observe.gauges import StandingState
from streamproc.observe.route_events import FellBack
from streamproc.plans import Plans

__all__ = ["PlannedLeave"]

_LOOK_SECONDS = 1.0
"""A run whose plan may be another one by then is asked again so soon."""

_OUTAGE = "breaker"
"""Why a provider is not asked when it is away; a limit that is reached, theirs or ours, is no outage."""


class PlannedLeave:
    """The leave of one worker's runs, by their plans, the admissions of the providers, and the cache."""

    def __init__(
        self,
        plans: Plans,
        admissions: Mapping[str, Admission],
        cache: Cache | None,
        throttles: Throttles,
        default_output_tokens: int,
        clock: Clock,
        observer: Observer,
    ) -> None:
        """`admissions` are those of each provider; `default_output_tokens` is for requests that do not say."""
        self._plans = plans
        self._admissions = admissions
        self._cache = cache
        self._throttles = throttles
        self._default_output_tokens = default_output_tokens
        self._clock = clock
        self._observer = observer

    def plan(self, asked: Asked) -> Plan:
        """The chains that may answer a request, in order.

        Raises:
            InvalidRequest: no provider has the model or takes the request's options, or what it may use has no price.
        """
        return self._plans.plan(asked)

    def is_answered(self, run: Run) -> bool:
        """Whether the cache has its answer at this moment, or an equal run is buying it."""
        return self._has_answer(run, run.plan.choices[0], self._most_output_tokens(run))

    def _has_answer(self, run: Run, choice: Choice, most_output_tokens: int) -> bool:
        return self._cache is not None and self._cache.can_answer(run, choice, most_output_tokens)

    def _most_output_tokens(self, run: Run) -> int:
        return run.request.max_output_tokens or self._default_output_tokens

    def renew(self, run: Run) -> bool:
        """Looks anew at what may have changed while a run waited; says whether it now waits for something else."""
        if not run.is_answered and not run.plan.changes:
            return self._is_slowed(run)
        was = run.route
        if run.is_answered and not self.is_answered(run):
            run.is_answered = False
        now = self._clock.monotonic()
        if run.plan.changes and now - run.renewed_at >= _LOOK_SECONDS:
            # No sooner than that: a rule of a user's own might change its mind each time, and nothing else would run.
            run.renewed_at = now
            # It was a valid request when it came: where no plan is for it any more, it keeps the one it has.
            with suppress(InvalidRequest):
                run.follow(self._plans.plan(run.asked))
        return self._is_slowed(run) or run.route != was

    def _is_slowed(self, run: Run) -> bool:
        seconds = 0.0 if run.is_answered else self._throttles.wait_seconds(run)
        if seconds <= 0.0:
            return False
        run.not_before = self._clock.time() + seconds
        self._observer.saw(CallsHeld(run.provider.name, "throttle", run.tenant, seconds))
        return True

    def admit(self, run: Run) -> NotBefore | None:
        """Takes the permit for a run's first call, without waiting; or says for how long there is none.

        The choices of the run's plan are asked in order. One that a limit or a pause holds for a moment is waited for;
        one that is held for longer, by its breaker, or by too many calls at a time gives way to the next.
        A run that the cache can answer needs no permit: neither a breaker nor a limit holds it up. Nor does one that is
        content with less, when nobody can answer: it gets that, or comes back.
        """
        held: list[tuple[Choice, NotBefore]] = []
        for number in run.open_choices:
            choice = run.plan.choices[number]
            verdict = self._admit(run, choice)
            if verdict is None:
                run.progress.choice = number
                self._step_back(run, held, choice)
                if held:
                    left, why = held[0]
                    fell = FellBack(str(run.id), run.request.model, left.place, choice.place, why.reason)
                    self._observer.saw(fell)
                return None
            held.append((choice, verdict))
            if verdict.is_tenant or verdict.is_brief(run.plan.max_wait_seconds):
                break
        else:
            if run.takes_less and all(one.reason == _OUTAGE for _, one in held):
                return None
            held.sort(key=lambda one: one[1].seconds, reverse=True)
        choice, verdict = held[-1]
        self._step_back(run, held, choice)
        if run.plan.changes:
            verdict = verdict._replace(seconds=min(verdict.seconds, _LOOK_SECONDS))
        tenant = run.tenant if verdict.is_tenant else None
        self._observer.saw(CallsHeld(choice.provider.name, verdict.reason, tenant, verdict.seconds))
        return verdict

    def _step_back(self, run: Run, held: Sequence[tuple[Choice, NotBefore]], to: Choice) -> None:
        """Who calls or waits elsewhere keeps no place in line."""
        for choice, _ in held:
            if choice.provider.name != to.provider.name:
                self._admissions[choice.provider.name].step_back(choice.model, run.route)

    def _admit(self, run: Run, choice: Choice) -> NotBefore | None:
        most = self._most_output_tokens(run)
        if self._has_answer(run, choice, most):
            return None
        ask = ask_for(run.request, choice.model, run.tenant, run.size_bytes, most, run.route)
        verdict = self._admissions[choice.provider.name].admit(ask)
        if isinstance(verdict, NotBefore):
            return verdict
        run.progress.permit = verdict
        return None

    def standings(self) -> list[StandingState]:
        """How each credential stands with each model that was asked for; another thread may look."""
        return [
            StandingState(
                provider=name,
                credential=standing.credential,
                model=standing.model,
                breaker=standing.breaker.state.value,
                running=standing.concurrency.running,
                allowed=None if isinf(allowed := standing.concurrency.allowed) else allowed,
            )
            for name, admission in self._admissions.items()
            for standing in admission.standings()
        ]
