"""What is known of the runs of which something went wrong: a line for each of their records, to begin a search with."""

from collections import Counter

from tests.chaos.evidence import Evidence

__all__ = ["exhibits"]

_MOST_RUNS = 20


def exhibits(evidence: Evidence) -> list[str]:
    """Results, usage lines and calls of the first runs with more or fewer of them than there should be."""
    results = Counter(result.run_id for result in evidence.results if result.part == 0)
    lines = Counter(line.usage_id for line in evidence.usage)
    calls = Counter(call.name for call in evidence.calls if call.name is not None)
    suspects = [request.run_id for request in evidence.requests if results[request.run_id] != 1]
    suspects += [_run_of(usage_id) for usage_id, number in lines.items() if number > 1]
    suspects += [_run_of(name) for name, number in calls.items() if number > lines[name]]
    suspects += [result.run_id for result in evidence.results if result.status != "completed"]
    found: list[str] = []
    for run in list(dict.fromkeys(suspects))[:_MOST_RUNS]:
        found += [f"result {r.run_id} {r.status} attempt {r.attempt}" for r in evidence.results if r.run_id == run]
        found += [
            f"usage {line.usage_id} {line.basis} at {line.timestamp_ms}"
            for line in evidence.usage
            if line.run_id == run
        ]
        found += [f"call {c.name} {c.outcome}" for c in evidence.calls if c.name and _run_of(c.name) == run]
    return found


def _run_of(usage_id: str) -> str:
    return usage_id.rsplit("/", 2)[0]
