"""What happens around the cache, for observers."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from streamproc.records.usage import UsageLine

__all__ = ["AnswerStored", "CacheLooked", "CacheOutcome", "StoreTrouble"]

CacheOutcome = Literal["memory", "redis", "coalesced", "stale", "miss", "refresh"]
"""The store that had the answer, an equal run's call that was followed, an old answer because nobody could make one, or
why a call is made."""


class CacheLooked(NamedTuple):
    """The cache was asked. `line` is the usage line of an answer that it had, or None when a call has to be made."""

    run_id: str
    tenant: str
    provider: str
    model: str
    input_hash: str
    outcome: CacheOutcome
    line: UsageLine | None = None


class AnswerStored(NamedTuple):
    """An answer went to the stores, as so many bytes."""

    run_id: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class StoreTrouble:
    """A store of answers did not give or take one. It costs a call at most, and no run."""

    operation: Literal["get", "put", "read"]
    sentence: str
