"""The usage line of an answer that came without a call: it used nothing, and tells what was saved."""

from datetime import UTC, datetime

from streamproc.chain.call import Call
from streamproc.records.usage import Saved, TokenCounts, UsageLine

__all__ = ["book_saved"]

_NOTHING = TokenCounts(input=0, output=0)


def book_saved(call: Call, provider: str, model: str, saved: Saved, began: float, ended: float) -> UsageLine:
    """Writes it into the journal and among the run's lines. Times are unix seconds.

    `provider` and `model` are those whose call made the answer.
    """
    call.progress.calls += 1
    line = UsageLine(
        usage_id=call.usage_id,
        run_id=call.run_id,
        request_id=call.request.request_id,
        tenant=call.tenant,
        user=call.request.user,
        feature=call.request.feature,
        attempt=call.progress.attempt,
        provider=provider,
        model=model,
        tokens=_NOTHING,
        cost_nanos=0,
        basis="cache",
        input_hash=call.input_hash,
        started_at=datetime.fromtimestamp(began, UTC),
        ended_at=datetime.fromtimestamp(ended, UTC),
        saved=saved,
        route=call.route,
        variant=call.variant,
    )
    # The note goes before that of the answer: who finds the one in the journal has the other, too.
    call.journal.ended(line.usage_id, line, "cached")
    call.progress.lines.append(line)
    return line
