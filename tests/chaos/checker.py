"""The checker: counts what went wrong, from what is left. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import NamedTuple

from tests.chaos.evidence import Evidence, SentRequest, StoredChunk, StoredResult, StoredUsage

__all__ = ["Counts", "Estimates", "bought_twice", "count", "estimates"]

_SERVED = {"completed", "cut", "cancelled"}
"""Outcomes of calls that the provider answered; all others are errors, which cost nothing."""


class Counts(NamedTuple):
    """What went wrong, each zero in a good run.

    Attributes:
        lost: requests without a whole result.
        doubled: results beyond the first one of a run.
        unaccounted: served calls without a usage line.
        doubled_usage: usage lines beyond the first one of their id.
        overcounted: usage lines for calls that the provider never saw, those of lost calls left out.
        mispriced: usage lines of the provider's own figures that are not its bill for the call, to the nano-dollar.
        understated: lines of which even the most that the call can have cost is below the provider's bill for it.
        strange: results and usage lines of runs that nobody asked for.
        not_completed: results that say anything else than that the answer is complete.
        wrong_text: results whose text is not the whole answer, or not what the chunks of their attempt say.
        attempts_not_growing: attempts that say two different things, and results of an attempt below another whole one.
        early_commits: committed offsets of requests whose result was not there yet.
        uncommitted: requests that are not committed in the end.
    """

    lost: int = 0
    doubled: int = 0
    unaccounted: int = 0
    doubled_usage: int = 0
    overcounted: int = 0
    mispriced: int = 0
    understated: int = 0
    strange: int = 0
    not_completed: int = 0
    wrong_text: int = 0
    attempts_not_growing: int = 0
    early_commits: int = 0
    uncommitted: int = 0

    @property
    def faults(self) -> Mapping[str, int]:
        """Those that are not zero."""
        return {name: value for name, value in self._asdict().items() if value}

    def __str__(self) -> str:
        return " ".join(f"{name}={value}" for name, value in self._asdict().items())


class Estimates(NamedTuple):
    """Lines of basis `estimated` for streams that ended early, together, beside the provider's bill for these calls.

    Whole answers that were cut are left out: what those cost is not known, and their lines say so.
    """

    lines: int = 0
    nanos: int = 0
    bill_nanos: int = 0

    def __str__(self) -> str:
        if not self.bill_nanos:
            return "none"
        return f"{self.lines}, together {self.nanos / self.bill_nanos - 1:+.1%} beside the provider's bill for them"


def count(evidence: Evidence) -> Counts:
    """Counts everything."""
    asked = {request.run_id: request for request in evidence.requests}
    parts = defaultdict[str, list[StoredResult]](list)
    for result in evidence.results:
        parts[result.run_id].append(result)
    whole = {run: joined for run, of_run in parts.items() if (joined := _join(of_run)) is not None}
    lines = Counter(line.usage_id for line in evidence.usage)
    streams = _streams(evidence.chunks)
    bills = _bills(evidence)
    return Counts(
        lost=len(asked.keys() - whole.keys()),
        doubled=sum(extra for of_run in parts.values() for extra in _extras(result.part for result in of_run)),
        unaccounted=_unaccounted(evidence, lines),
        doubled_usage=sum(lines.values()) - len(lines),
        overcounted=_overcounted(evidence),
        mispriced=sum(line.basis == "provider" and line.cost_nanos != bill for line, bill in bills),
        understated=sum(line.basis != "provider" and _most(line) < bill for line, bill in bills),
        strange=len(parts.keys() - asked.keys()) + sum(line.run_id not in asked for line in evidence.usage),
        not_completed=sum(result.status != "completed" for result in whole.values()),
        wrong_text=sum(
            result.status == "completed" and not _is_right(result, asked[run], streams)
            for run, result in whole.items()
            if run in asked
        ),
        attempts_not_growing=_broken_attempts(whole, streams),
        early_commits=_early_commits(evidence),
        uncommitted=sum(not _is_done(evidence, request) for request in evidence.requests),
    )


def bought_twice(evidence: Evidence) -> Counter[str]:
    """Bills beyond one for each request, by their basis: what the faults cost, where one call is enough for each.

    `upper_bound` are calls that died with their worker; `estimated` those that a living worker cut, because their
    partition had moved; `provider` those that came to their end, although somebody else had begun again.
    """
    bills = Counter(line.basis for line in evidence.usage)
    bills["provider"] -= len(evidence.requests)
    return +bills


def estimates(evidence: Evidence) -> Estimates:
    """How near those who cut streams came to the bill, which the provider never told them."""
    cut = {call.name for call in evidence.calls if call.outcome in {"cut", "cancelled"}}
    found = [
        (line.cost_nanos, bill)
        for line, bill in _bills(evidence)
        if line.basis == "estimated" and line.usage_id in cut and line.cost_nanos is not None
    ]
    return Estimates(len(found), sum(nanos for nanos, _ in found), sum(bill for _, bill in found))


def _extras(numbers: Iterable[int]) -> Iterable[int]:
    return (seen - 1 for seen in Counter(numbers).values())


def _join(parts: Sequence[StoredResult]) -> StoredResult | None:
    """The result that the parts make up, or None while one is missing. Of several the first counts."""
    first: dict[int, StoredResult] = {}
    for part in parts:
        first.setdefault(part.part, part)
    if 0 not in first or len(first) < first[0].parts:
        return None
    text = [first[number].text for number in range(first[0].parts)]
    return first[0]._replace(text=None if text[0] is None else "".join(piece or "" for piece in text))


def _unaccounted(evidence: Evidence, lines: Counter[str]) -> int:
    served = [call for call in evidence.calls if call.outcome in _SERVED]
    nameless = sum(call.name is None for call in served)
    known = Counter(call.name for call in served if call.name is not None)
    # A name that was used for two calls has one line at most, and that is one too few.
    missing = sum(calls - (name in lines) for name, calls in known.items())
    strays = len(lines.keys() - known.keys())
    return missing + max(0, nameless - strays)


def _bills(evidence: Evidence) -> list[tuple[StoredUsage, int]]:
    """Usage lines with the provider's bill for their call."""
    bills = {call.name: call.cost_nanos for call in evidence.calls if call.outcome in _SERVED}
    return [(line, bills[line.usage_id]) for line in evidence.usage if line.usage_id in bills]


def _most(line: StoredUsage) -> float:
    known = line.cost_nanos if line.most_nanos is None else line.most_nanos
    return inf if known is None else known


def _overcounted(evidence: Evidence) -> int:
    known = {call.name for call in evidence.calls}
    if None in known:
        return 0  # a line may belong to a call without a name
    # A bound may stand for a call that died before it reached the provider; nobody can tell.
    return sum(line.basis not in {"upper_bound", "cache"} and line.usage_id not in known for line in evidence.usage)


_Streams = Mapping[str, Mapping[int, Sequence[StoredChunk]]]


def _streams(chunks: Iterable[StoredChunk]) -> _Streams:
    """Chunks by run and attempt."""
    streams: dict[str, dict[int, list[StoredChunk]]] = defaultdict(lambda: defaultdict(list))
    for chunk in chunks:
        streams[chunk.run_id][chunk.attempt].append(chunk)
    return streams


def _is_right(result: StoredResult, request: SentRequest, streams: _Streams) -> bool:
    text = result.text or ""
    if len(text.split()) != request.tokens:
        return False
    if not request.is_streamed:
        return result.chunk_count == 0
    return result.attempt is not None and text == _said(streams, result.run_id, result.attempt, result.chunk_count)


def _said(streams: _Streams, run: str, attempt: int, chunk_count: int | None = None) -> str | None:
    """What a reader makes of an attempt, or None when it is not whole. A repeated `seq` is ignored."""
    first: dict[int, StoredChunk] = {}
    for chunk in streams.get(run, {}).get(attempt, ()):
        first.setdefault(chunk.seq, chunk)
    ordered = [first[seq] for seq in sorted(first)]
    if not ordered or list(first.keys() - range(len(ordered))) or len(ordered) != (chunk_count or len(ordered)):
        return None
    if (ordered[0].kind, ordered[-1].kind) != ("start", "end"):
        return None
    return "".join(chunk.text for chunk in ordered if chunk.kind == "text")


def _broken_attempts(whole: Mapping[str, StoredResult], streams: _Streams) -> int:
    two_tongued = sum(
        len({(chunk.seq, chunk.kind, chunk.text) for chunk in stream}) != len({chunk.seq for chunk in stream})
        for attempts in streams.values()
        for stream in attempts.values()
    )
    overtaken = sum(
        attempt > result.attempt and _said(streams, run, attempt) is not None
        for run, result in whole.items()
        if result.attempt is not None
        for attempt in streams.get(run, ())
    )
    return two_tongued + overtaken


def _early_commits(evidence: Evidence) -> int:
    """Offsets that were committed when no result of theirs had been sent.

    Both times are of one machine, and a result is sent before the transaction with its offset ends.
    """
    sent_at: dict[str, int] = {}
    for result in evidence.results:
        sent_at.setdefault(result.run_id, result.timestamp_ms)
    by_partition = defaultdict[int, dict[int, int | None]](dict)
    for request in evidence.requests:
        by_partition[request.partition][request.offset] = sent_at.get(request.run_id)
    early: set[tuple[int, int]] = set()
    for seen in evidence.committed:
        for offset, at in by_partition[seen.partition].items():
            if (offset < seen.position or offset in seen.done) and (at is None or at > seen.asked_at_ms):
                early.add((seen.partition, offset))
    return len(early)


def _is_done(evidence: Evidence, request: SentRequest) -> bool:
    last = evidence.last.get(request.partition)
    return last is not None and (request.offset < last.position or request.offset in last.done)
