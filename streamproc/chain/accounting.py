"""Accounted: stands right around the real call. Every call passes here once and leaves its usage line.

Retries, fallbacks and corrections need no special case: each is a call of its own with a line of its own. What the call
may use is in the journal before it begins, and what it did use when it has ended.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime

from streamproc.chain.call import Call
from streamproc.chain.clock import Clock
from streamproc.chain.provider import Completed, Event, Provider, Reasoning, Text, ToolCallPart
from streamproc.errors import BudgetRefused, ProviderError
from streamproc.money.cost import cost_nanos, upper_bound_nanos, upper_bound_tokens
from streamproc.money.dollars import nanos, usd
from streamproc.money.rates import Rates
from streamproc.money.tokens import TokenCounter
from streamproc.observe.events import CallEnded, Observer
from streamproc.records.usage import Basis, TokenCounts, UsageLine

__all__ = ["Accounted"]


@dataclass(slots=True)
class _Meter:
    """What one call delivered so far."""

    started: float
    most: UsageLine
    pieces: list[str] = field(default_factory=list)
    first_token: float | None = None
    completed: Completed | None = None
    error: ProviderError | None = None


class Accounted:
    """A provider that refuses calls the request's own budget does not cover, and writes down what each call used."""

    def __init__(
        self,
        inner: Provider,
        rates: Callable[[str, datetime], Rates | None],
        counter: TokenCounter,
        clock: Clock,
        observer: Observer,
        *,
        counts_exactly: bool,
    ) -> None:
        self._inner = inner
        self._rates = rates
        self._counter = counter
        self._clock = clock
        self._observer = observer
        # A model's name alone proves nothing: anybody may serve another tokenizer's model under it.
        self._counts_exactly = counts_exactly
        self.name = inner.name

    async def stream(self, call: Call) -> AsyncGenerator[Event, None]:
        """The inner provider's events; whatever happens, the call's usage line is in `call.progress` afterwards.

        Raises:
            BudgetRefused: the call may cost more than is left of the request's `max_cost_usd`.
            ProviderError: as the inner provider.
        """
        rates = self._rates(call.model, datetime.fromtimestamp(self._clock.time(), UTC))
        self._check_budget(call, rates)
        call.progress.calls += 1
        most = self._most(call, rates)
        try:
            await call.journal.started(most)
        except BaseException:
            # Cut off while it waited: the note may be stored all the same, and the call was never made.
            call.journal.ended(most.usage_id, None, "not_made")
            raise
        meter = _Meter(self._clock.monotonic(), most)
        pieces = meter.pieces
        try:
            async with aclosing(self._inner.stream(call)) as events:
                async for event in events:
                    kind = type(event)
                    if kind is Text or kind is Reasoning:
                        pieces.append(event.text)  # type: ignore[union-attr] # `kind` is the type test, once per token
                    elif isinstance(event, ToolCallPart):
                        pieces.append((event.name or "") + event.arguments)
                    elif isinstance(event, Completed):
                        meter.completed = event
                    if meter.first_token is None:
                        meter.first_token = self._clock.monotonic()
                    yield event
        except ProviderError as error:
            meter.error = error
            raise
        finally:
            # Runs on every way out, also when a cancelled run closes this generator: the provider is owed all the same.
            self._close(call, meter, rates)

    def _most(self, call: Call, rates: Rates | None) -> UsageLine:
        # The line that is billed if nobody ever learns what the call used.
        now = datetime.fromtimestamp(self._clock.time(), UTC)
        return UsageLine(
            usage_id=call.usage_id,
            run_id=call.run_id,
            request_id=call.request.request_id,
            tenant=call.tenant,
            user=call.request.user,
            feature=call.request.feature,
            attempt=call.progress.attempt,
            provider=self.name,
            model=call.model,
            tokens=upper_bound_tokens(
                prompt_bytes=call.prompt_bytes, prompt_tokens=None, max_output_tokens=call.max_output_tokens
            ),
            cost_nanos=None if rates is None else _bound(call, rates),
            basis="upper_bound",
            price_version=None if rates is None else rates.version,
            reason="lost",
            input_hash=call.input_hash,
            started_at=now,
            ended_at=now,
        )

    def _check_budget(self, call: Call, rates: Rates | None) -> None:
        allowed_usd = call.request.max_cost_usd
        if allowed_usd is None:
            return
        if rates is None:
            raise BudgetRefused(f"max_cost_usd is set, but {self.name} has no known price for {call.model}")
        left = nanos(allowed_usd) - call.progress.spent_nanos
        # Bytes bound tokens and cost nothing to count; only when that bound is too wide the prompt is tokenised.
        bound = _bound(call, rates)
        if bound > left and self._counts_exactly and self._counter.count(call.model, "").is_exact:
            tokens = self._counter.count_prompt(call.model, call.request)
            bound = _bound(call, rates, tokens)
        if bound > left:
            raise BudgetRefused(f"the call may cost up to {usd(bound)}; {usd(max(left, 0))} of max_cost_usd is left")

    def _close(self, call: Call, meter: _Meter, rates: Rates | None) -> None:
        line = self._bill(call, meter, rates)
        call.journal.ended(meter.most.usage_id, line, _outcome(meter))
        if line is not None:
            call.progress.lines.append(line)
            if rates is not None:
                call.progress.spent_nanos += _spent(call, line, rates)
        now = self._clock.monotonic()
        self._observer.saw(
            CallEnded(
                run_id=call.run_id,
                attempt=meter.most.attempt,
                provider=self.name,
                model=call.model,
                tenant=call.tenant,
                input_hash=call.input_hash,
                outcome=_outcome(meter),
                seconds=now - meter.started,
                first_token_seconds=None if meter.first_token is None else meter.first_token - meter.started,
                line=line,
                error=None if meter.error is None else str(meter.error),
            )
        )

    def _bill(self, call: Call, meter: _Meter, rates: Rates | None) -> UsageLine | None:
        if meter.error is not None and not meter.error.may_have_cost and not meter.pieces:
            return None
        tokens, basis = self._tokens(call, meter)
        return meter.most.model_copy(
            update={
                "tokens": tokens,
                "cost_nanos": None if rates is None else cost_nanos(rates, tokens),
                "basis": basis,
                "reason": None if meter.completed is not None else _outcome(meter),
                "ended_at": datetime.fromtimestamp(self._clock.time(), UTC),
            }
        )

    def _tokens(self, call: Call, meter: _Meter) -> tuple[TokenCounts, Basis]:
        usage = None if meter.completed is None else meter.completed.usage
        if usage is not None and usage.input is not None and usage.output is not None:
            return usage, "provider"
        counted = TokenCounts(
            input=self._counter.count_prompt(call.model, call.request),
            output=self._counter.count(call.model, "".join(meter.pieces)).tokens,
        )
        return counted, "estimated"


def _spent(call: Call, line: UsageLine, rates: Rates) -> int:
    if line.basis == "provider" and line.cost_nanos is not None:
        return line.cost_nanos
    return _bound(call, rates)


def _bound(call: Call, rates: Rates, prompt_tokens: int | None = None) -> int:
    return upper_bound_nanos(
        rates, prompt_bytes=call.prompt_bytes, prompt_tokens=prompt_tokens, max_output_tokens=call.max_output_tokens
    )


def _outcome(meter: _Meter) -> str:
    if meter.completed is not None:
        return "completed"
    return "cancelled" if meter.error is None else meter.error.code
