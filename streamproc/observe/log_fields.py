"""What log lines say of calls, and of sentences that others wrote."""

from collections.abc import Mapping
from typing import Any

from streamproc.money.cap import amount
from streamproc.money.scope import Scope
from streamproc.observe.events import CallEnded, UsageUnreadable
from streamproc.records.alert import BudgetAlert
from streamproc.records.usage import UsageLine

__all__ = ["above_bound_fields", "alert_fields", "call_fields", "on_one_line", "unreadable_fields"]

_MAX_SENTENCE = 300


def above_bound_fields(line: UsageLine, bound: UsageLine) -> Mapping[str, Any]:
    """Of a call that used more than it could: what its provider reports, and what was the most."""
    return {
        "usage_id": line.usage_id,
        "tenant": line.tenant,
        "provider": line.provider,
        "model": line.model,
        "input_tokens": line.tokens.input,
        "most_input_tokens": bound.tokens.input,
        "output_tokens": line.tokens.output,
        "most_output_tokens": bound.tokens.output,
        "cost_nanos": line.cost_nanos,
        "most_cost_nanos": bound.cost_nanos,
    }


def alert_fields(alert: BudgetAlert) -> Mapping[str, Any]:
    """Of a share of a cap that was reached, amounts as people read them."""
    return {
        "scope": str(Scope(alert.scope, alert.name or "", alert.tenant or "")),
        "window": alert.window,
        "share": alert.share,
        "settled": amount(alert.unit, alert.settled),
        "cap": amount(alert.unit, alert.cap),
        "killed": alert.killed,
    }


def call_fields(ended: CallEnded) -> Mapping[str, Any]:
    """Of a call that ended."""
    line, first = ended.line, ended.first_token_seconds
    return {
        "run": ended.run_id,
        "attempt": ended.attempt,
        "tenant": ended.tenant,
        "provider": ended.provider,
        "model": ended.model,
        "provider_request_id": None if ended.request_id is None else on_one_line(ended.request_id),
        "input_hash": ended.input_hash,
        "outcome": ended.outcome,
        "input_tokens": None if line is None else line.tokens.input,
        "output_tokens": None if line is None else line.tokens.output,
        "seconds": round(ended.seconds, 4),
        "first_token_seconds": None if first is None else round(first, 4),
        "cost_nanos": None if line is None else line.cost_nanos,
        "basis": None if line is None else line.basis,
        "error": None if ended.error is None else on_one_line(ended.error),
    }


def unreadable_fields(found: UsageUnreadable) -> Mapping[str, Any]:
    """Of a record that no budget counts."""
    return {
        "topic": found.topic,
        "partition": found.partition,
        "offset": found.offset,
        "reason": on_one_line(found.sentence),
        "skipped": found.is_skipped,
    }


def on_one_line(sentence: str) -> str:
    """A sentence as a log shows it."""
    # A sentence can quote a peer: line breaks would forge lines, escape codes would reach a terminal.
    cut = sentence if len(sentence) <= _MAX_SENTENCE else sentence[: _MAX_SENTENCE - 1] + "…"
    return cut if cut.isprintable() else repr(cut)[1:-1]
