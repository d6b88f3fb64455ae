"""The outcome: the records a run leaves behind, for each way it can end."""

from datetime import UTC, datetime
from typing import Any

from streamproc.chain.answer import Answer
from streamproc.chain.clock import Clock
from streamproc.chain.provider import Completed
from streamproc.chain.run import Incoming, Run, Terminal
from streamproc.errors import InvalidRequest, RunError
from streamproc.records.dead_letter import DeadLetter
from streamproc.records.deferral import Deferral, deferred_record
from streamproc.records.headers import replay_of, trace_of
from streamproc.records.outgoing import Outgoing
from streamproc.records.request import Request
from streamproc.records.result import Failure, Result, Status
from streamproc.records.terminal import dead_letter_record, new_result_records, result_records, usage_record
from streamproc.records.usage import CacheState, UsageLine

__all__ = ["Outcome"]


class Outcome:
    """Builds terminal records no larger than `max_record_bytes`."""

    def __init__(self, max_record_bytes: int, clock: Clock) -> None:
        self._max_bytes = max_record_bytes
        self._clock = clock

    def completed(
        self, run: Run, answer: Answer, completed: Completed, chunk_count: int, first_token: float | None
    ) -> Terminal:
        """The whole answer and its bill."""
        return self._terminal(
            run,
            "completed",
            first_token,
            chunk_count=chunk_count,
            text=None if answer.embeddings else answer.text,
            reasoning=answer.reasoning or None,
            reasoning_parts=answer.reasoning_parts or None,
            embeddings=answer.embeddings or None,
            tool_calls=answer.tool_calls or None,
            finish_reason=completed.finish_reason,
            cache=_cache_state(run.progress.lines),
            degraded=_is_degraded(run),
        )

    def remembered(self, incoming: Incoming, result: Result) -> Terminal:
        """An answer that a former owner bought and could not publish, as it was, and the bills of the run's calls."""
        key, trace = (result.request_id or "").encode(), trace_of(incoming.headers)
        bills = (usage_record(line, trace) for line in incoming.history.bills)
        return Terminal((*result_records(result, key, trace, self._max_bytes), *bills))

    def failed(self, run: Run, error: RunError) -> Terminal:
        """Why there is no answer, and what was used up on the way. A partial text is never shown as a result."""
        return self._terminal(run, error.status, None, error=_failure(error))

    def refused(self, incoming: Incoming, request: Request | None, error: InvalidRequest) -> Terminal:
        """The dead letter of a record that is no valid request, and its `rejected` result.

        `request` is what was read, when the record has the form of one and is refused for something else.
        """
        run_id = str(incoming.id)
        result = Result(
            run_id=run_id,
            request_id=None if request is None else request.request_id,
            tenant=incoming.tenant or (None if request is None else request.tenant),
            status="rejected",
            error=_failure(error),
            replay_of=replay_of(incoming.headers),
            finished_at=self._now(),
        )
        letter = DeadLetter(
            reason=str(error),
            code=error.code,
            run_id=run_id,
            topic=incoming.id.topic,
            partition=incoming.id.partition,
            offset=incoming.id.offset,
            timestamp_ms=incoming.id.timestamp_ms,
        )
        trace = trace_of(incoming.headers)
        key = run_id.encode() if incoming.key is None or len(incoming.key) > _MAX_KEY_BYTES else incoming.key
        return Terminal(
            (
                *result_records(result, key, trace, self._max_bytes),
                dead_letter_record(letter, incoming.key, incoming.value, incoming.headers, self._max_bytes),
            )
        )

    def deferred(self, run: Run) -> Terminal | None:
        """The run as a record that is read again later, and its bill so far; None when it is too large for that."""
        progress = run.progress
        deferral = Deferral(
            run_id=str(run.id),
            tenant=run.tenant,
            attempt=progress.attempt,
            not_before=run.not_before,
            deadline=run.deadline,
            spent_nanos=progress.spent_nanos,
            calls=progress.calls,
            lost_attempts=progress.lost_attempts,
            waits=progress.waits,
            crashes=progress.crashes,
            lines=(*progress.billed, *progress.lines),
        )
        record = deferred_record(run.request, deferral, run.trace, run.replay_of, self._clock.time())
        if record.size_bytes() + _SPARE_BYTES > self._max_bytes:
            return None
        return Terminal((record, *self.usage(run)))

    def usage(self, run: Run) -> tuple[Outgoing, ...]:
        """The run's usage lines that are not published yet."""
        return tuple(usage_record(line, run.trace) for line in run.progress.lines)

    def abandoned(self, run: Run) -> tuple[Outgoing, ...]:
        """The same of a run that begins again elsewhere: only a published answer of the cache has saved anything."""
        return tuple(usage_record(line, run.trace) for line in run.progress.lines if line.basis != "cache")

    def _terminal(self, run: Run, status: Status, first_token: float | None, **told: Any) -> Terminal:
        lines = [*run.progress.billed, *run.progress.lines]
        timings = {} if first_token is None else {"first_token_seconds": first_token}
        timings["total_seconds"] = self._clock.monotonic() - run.taken_at
        result = {
            "run_id": str(run.id),
            "request_id": run.request.request_id,
            "tenant": run.tenant,
            "status": status,
            "attempt": run.progress.attempt,
            **told,
            "provider": run.provider.name,
            "model": run.model,
            "route": run.plan.route,
            "variant": run.plan.variant,
            "input_tokens": _total([line.tokens.input for line in lines]),
            "output_tokens": _total([line.tokens.output for line in lines]),
            "cost_nanos": _total([line.cost_nanos for line in lines]),
            "calls": run.progress.calls - sum([line.basis == "cache" for line in lines]),
            "timings": timings,
            "input_hash": run.input_hash,
            "replay_of": run.replay_of,
            "metadata": run.request.metadata,
            "finished_at": self._now(),
            "part": 0,
            "parts": 1,
        }
        key = run.request.request_id.encode()
        return Terminal((*new_result_records(result, key, run.trace, self._max_bytes), *self.usage(run)))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.time(), UTC)


_MAX_KEY_BYTES = 10_000
_SPARE_BYTES = 16_384
"""Room beside a deferred record: should it be refused later, its dead letter still has to hold it with the reason."""


def _failure(error: RunError) -> Failure:
    return Failure.model_validate({"class": type(error).__name__, "code": error.code, "sentence": str(error)[:2000]})


def _is_degraded(run: Run) -> bool | None:
    if run.plan.route is None and not run.progress.is_spare:
        return None
    return run.progress.is_spare or run.progress.choice > 0


def _cache_state(lines: list[UsageLine]) -> CacheState | None:
    saved = lines[-1].saved if lines else None
    return None if saved is None else saved.state


def _total(values: list[int | None]) -> int | None:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total
