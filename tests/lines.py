"""Usage lines and results for tests that are about something else."""

from datetime import UTC, datetime
from typing import Any

from streamproc.records.identity import usage_id
from streamproc.records.result import Result
from streamproc.records.usage import TokenCounts, UsageLine

__all__ = ["a_line", "a_result"]

_THEN = datetime(2026, 1, 31, 12, tzinfo=UTC)


def a_line(run_id: str = "llm.requests/0/5@1", attempt: int = 1000, call: int = 1, **fields: Any) -> UsageLine:
    """The bill of a call with these fields over the usual ones."""
    usual: dict[str, Any] = {
        "usage_id": usage_id(run_id, attempt, call),
        "run_id": run_id,
        "request_id": "asked",
        "tenant": "default",
        "attempt": attempt,
        "provider": "mock",
        "model": "m",
        "tokens": TokenCounts(input=7, output=8),
        "cost_nanos": 23_000,
        "basis": "provider",
        "price_version": "list-1",
        "input_hash": "0" * 64,
        "started_at": _THEN,
        "ended_at": _THEN,
    }
    return UsageLine(**{**usual, **fields})


def a_result(run_id: str = "llm.requests/0/5@1", attempt: int = 1000, **fields: Any) -> Result:
    """A completed result with these fields over the usual ones."""
    usual = {
        "run_id": run_id,
        "request_id": "asked",
        "tenant": "default",
        "status": "completed",
        "attempt": attempt,
        "text": "bought once",
        "finished_at": _THEN,
    }
    return Result.model_validate({**usual, **fields})
