"""What is left after a chaos run: records as the topics hold them, committed offsets, and the provider's own list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

__all__ = ["Committed", "Evidence", "Rates", "SentRequest", "ServedCall", "StoredChunk", "StoredResult", "StoredUsage"]


class Rates(NamedTuple):
    """Nano-dollars for a token; here all models of a run have the same ones."""

    input: int
    output: int


class SentRequest(NamedTuple):
    """A record of a request topic. `tokens` is the number of words that its model answers."""

    run_id: str
    partition: int
    offset: int
    tokens: int
    is_streamed: bool


class StoredResult(NamedTuple):
    """A result, or a part of one."""

    run_id: str
    partition: int
    timestamp_ms: int
    status: str
    attempt: int | None
    text: str | None
    chunk_count: int
    part: int = 0
    parts: int = 1


class StoredUsage(NamedTuple):
    """A usage line. `most_nanos` is what budgets count where the cost is no more than an estimate."""

    usage_id: str
    run_id: str
    basis: str
    timestamp_ms: int = 0
    cost_nanos: int | None = 0
    most_nanos: int | None = None


class StoredChunk(NamedTuple):
    """A chunk, in the order of its partition."""

    run_id: str
    partition: int
    timestamp_ms: int
    attempt: int
    seq: int
    kind: str
    text: str


class ServedCall(NamedTuple):
    """A call as the provider lists it; `name` is the caller's own name for it, the usage id, if it sent one.

    `cost_nanos` is the provider's bill for it, by its own count of tokens.
    """

    name: str | None
    outcome: str
    cost_nanos: int = 0

    @classmethod
    def listed(cls, call: Mapping[str, Any], rates: Rates) -> Self:
        """A call of the mock provider's `/stats`."""
        cost = call["input_tokens"] * rates.input + call["output_tokens"] * rates.output
        return cls(call["client_request_id"], call["outcome"], cost)


class Committed(NamedTuple):
    """What a group had committed for a partition when it was asked; offsets in `done` lie above the position."""

    asked_at_ms: int
    partition: int
    position: int
    done: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that is counted. `committed` holds what was seen during the run, `last` what stands at its end."""

    requests: Sequence[SentRequest]
    results: Sequence[StoredResult]
    usage: Sequence[StoredUsage]
    chunks: Sequence[StoredChunk]
    calls: Sequence[ServedCall]
    committed: Sequence[Committed]
    last: Mapping[int, Committed]
