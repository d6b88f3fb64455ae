"""Accounted: stands right around the real call. Every call passes here once and leaves its usage line.

Retries, fallbacks and corrections need no special case: each is a call of its own with a line of its own. What the call
may use is in the journal before it begins, and what it did use when it has ended.
"""

from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from math import inf
from typing import NamedTuple

from streamproc.chain.budget import Budget, NoBudget, at_most
from streamproc.chain.call import Call
from streamproc.chain.clock import Clock
from streamproc.chain.meter import Meter
from streamproc.chain.provider import Completed, Event, Provider, Reasoning, Text, Told, ToolCallPart
from streamproc.errors import BudgetRefused, ProviderError
from streamproc.money.bound import Most, unbounded, upper_bound_nanos
from streamproc.money.cost import dearest_nanos
from streamproc.money.dollars import nanos, usd
from streamproc.money.measure import Measure
from streamproc.money.rates import Rates
from streamproc.observe.events import CallEnded, Observer, UsageAboveBound
from streamproc.records.usage import Basis, TokenCounts, UsageLine

__all__ = ["Accounted"]


class _Bound(NamedTuple):
    """The most a call can use, and cost; None where that has no bound."""

    most: Most
    nanos: int | None


class Accounted:
    """A provider that refuses calls the request's own budget does not cover, and writes down what each call used."""

    def __init__(
        self,
        inner: Provider,
        rates: Callable[[str, datetime], Rates | None],
        measure: Measure,
        clock: Clock,
        observer: Observer,
        budget: Budget | None = None,
    ) -> None:
        self._inner = inner
        self._rates = rates
        self._measure = measure
        self._clock = clock
        self._observer = observer
        self._budget = budget or NoBudget()
        self.name = inner.name
        self._unknown = UsageLine.unknown(inner.name)

    async def stream(self, call: Call) -> AsyncGenerator[Event, None]:
        """The inner provider's events; whatever happens, the call's usage line is in `call.progress` afterwards.

        Raises:
            BudgetRefused: it may cost more than is left of the request's `max_cost_usd` or of a cap, or has no bound.
            NotNow: calls under way have reserved what is left of a cap.
            ProviderError: as the inner provider.
        """
        now = self._now()
        rates = self._rates(call.model, now)
        bound = self._bound(call, rates)
        self._check_budget(call, rates, bound)
        call.progress.calls += 1
        most = self._line(call, rates, bound, now)
        try:
            await self._budget.reserve(most)
        except BaseException:
            call.progress.calls -= 1
            raise
        try:
            await call.journal.started(most)
            self._budget.confirm(most)
        except BaseException:
            # Cut off while it waited: the note may be stored all the same, and the call was never made.
            call.journal.ended(most.usage_id, None, "not_made")
            self._budget.close(most.usage_id, None)
            raise
        meter = Meter(self._clock.monotonic(), most, rates, bound.most.tiers)
        pieces = meter.pieces
        call.progress.call_began()
        try:
            events = self._inner.stream(call)
            try:
                async for event in events:
                    kind = type(event)
                    if kind is Text or kind is Reasoning:
                        pieces.append(event.text)  # type: ignore[union-attr] # `kind` is the type test, once per token
                    elif isinstance(event, ToolCallPart):
                        pieces.append((event.name or "") + event.arguments)
                    elif isinstance(event, Completed):
                        meter.completed = event
                    elif isinstance(event, Told):
                        meter.note(event)
                        continue
                    if meter.first_token is None:
                        meter.first_token = self._clock.monotonic()
                        call.progress.call_answered()
                    yield event
            finally:
                await events.aclose()  # as `aclosing` does, without its two coroutines for each call
        except ProviderError as error:
            meter.error = error
            meter.request_id = error.request_id or meter.request_id
            raise
        finally:
            # Runs on every way out, also when a cancelled run closes this generator: the provider is owed all the same.
            self._close(call, meter)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.time(), UTC)

    def _bound(self, call: Call, rates: Rates | None, *, counts: bool = False) -> _Bound:
        most = self._measure.most(
            call.request,
            call.model,
            prompt_bytes=call.prompt_bytes,
            max_output_tokens=call.max_output_tokens,
            counts=counts,
        )
        return _Bound(most, None if rates is None else upper_bound_nanos(rates, most))

    def _line(self, call: Call, rates: Rates | None, bound: _Bound, now: datetime) -> UsageLine:
        # The line that is billed if nobody ever learns what the call used.
        return self._unknown.changed(
            usage_id=call.usage_id,
            run_id=call.run_id,
            request_id=call.request.request_id,
            tenant=call.tenant,
            user=call.request.user,
            feature=call.request.feature,
            attempt=call.progress.attempt,
            model=call.model,
            tokens=bound.most.tokens,
            cost_nanos=bound.nanos,
            price_version=None if rates is None else rates.version,
            input_hash=call.input_hash,
            started_at=now,
            ended_at=now,
            route=call.route,
            variant=call.variant,
        )

    def _check_budget(self, call: Call, rates: Rates | None, bound: _Bound) -> None:
        allowed_usd = call.request.max_cost_usd
        if allowed_usd is None:
            return
        if rates is None:
            raise BudgetRefused(f"max_cost_usd is set, but {self.name} has no known price for {call.model}")
        if (gap := unbounded(rates, bound.most)) is not None:
            raise BudgetRefused(
                f"max_cost_usd is set, but {self.name} has no known price for {gap.what} with {call.model}"
            )
        left = nanos(allowed_usd) - call.progress.spent_nanos
        # Bytes bound tokens and cost nothing to count; only when that bound is too wide the prompt is tokenised.
        if bound.nanos is not None and bound.nanos > left and self._measure.is_exact(call.request, call.model):
            bound = self._bound(call, rates, counts=True)
        if bound.nanos is None or bound.nanos > left:
            raise BudgetRefused(
                f"the call may cost up to {usd(bound.nanos)}; {usd(max(left, 0))} of max_cost_usd is left"
            )

    def _close(self, call: Call, meter: Meter) -> None:
        line, outcome = self._bill(call, meter), meter.outcome
        call.journal.ended(meter.most.usage_id, line, outcome)
        self._budget.close(meter.most.usage_id, line)
        if line is not None:
            call.progress.lines.append(line)
            if meter.rates is not None:
                call.progress.spent_nanos += (line if line.at_most is None else line.at_most).cost_nanos or 0
            if line.basis == "provider" and _is_above(line, meter.most):
                self._observer.saw(UsageAboveBound(line, meter.most))
        call.progress.call_ended(meter.error, line, is_complete=meter.completed is not None)
        now = self._clock.monotonic()
        self._observer.saw(
            CallEnded(
                run_id=call.run_id,
                attempt=meter.most.attempt,
                provider=self.name,
                model=call.model,
                tenant=call.tenant,
                input_hash=call.input_hash,
                outcome=outcome,
                seconds=now - meter.started,
                first_token_seconds=None if meter.first_token is None else meter.first_token - meter.started,
                line=line,
                error=None if meter.error is None else str(meter.error),
                request_id=meter.request_id,
            )
        )

    def _bill(self, call: Call, meter: Meter) -> UsageLine | None:
        if meter.error is not None and not meter.error.may_have_cost and not meter.pieces:
            return None
        tokens, basis = self._tokens(call, meter)
        tier = None if meter.completed is None else meter.completed.service_tier
        # Where nobody said which tier it was, the dearest counts of those that it can have been.
        tiers = meter.tiers if tier is None else (tier,)
        cost = None if meter.rates is None else dearest_nanos(meter.rates, tokens, tiers)
        return meter.most.changed(
            tokens=tokens,
            cost_nanos=cost,
            basis=basis,
            at_most=at_most(basis, tokens, cost, meter.most),
            service_tier=tier,
            reason=None if meter.completed is not None else meter.outcome,
            ended_at=self._now(),
        )

    def _tokens(self, call: Call, meter: Meter) -> tuple[TokenCounts, Basis]:
        usage = None if meter.completed is None else meter.completed.usage
        if usage is not None and usage.input is not None and usage.output is not None:
            self._measure.learn(call.request, call.model, call.prompt_bytes, meter.pieces, usage)
            return usage, "provider"
        asked = call.request
        # How long an answer was to be that comes as a whole, and did not come, nobody knows; embeddings have no output.
        is_unseen = not (asked.stream or asked.input or meter.pieces or meter.completed)
        answer = None if is_unseen else meter.pieces
        return meter.estimated(self._measure.estimated(asked, call.model, answer)), "estimated"


def _is_above(line: UsageLine, most: UsageLine) -> bool:
    """Whether a provider reports more than the call could use; what is not known on either side is not above."""
    told, bound = line.tokens, most.tokens
    return (
        (told.input or 0) > (inf if bound.input is None else bound.input)
        or (told.output or 0) > (inf if bound.output is None else bound.output)
        or (line.cost_nanos or 0) > (inf if most.cost_nanos is None else most.cost_nanos)
    )
