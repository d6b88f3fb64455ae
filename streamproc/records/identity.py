"""Who is who: the identity of a run and of the calls made for it."""

import re
from dataclasses import dataclass, field

from streamproc.errors import InvalidRequest

__all__ = ["ATTEMPTS_PER_EPOCH", "RUN_ID_PATTERN", "RunId", "first_attempt", "usage_id"]

ATTEMPTS_PER_EPOCH = 1000
"""Attempts of one claim epoch lie between epoch × 1000 and the next epoch's first."""

# One spelling for each identity, so that texts compare as identities do. A sender may set any time, negative ones too.
_NUMBER = r"(0|[1-9][0-9]{0,18})"
RUN_ID_PATTERN = rf"([A-Za-z0-9._-]{{1,249}})/{_NUMBER}/{_NUMBER}@(0|-?[1-9][0-9]{{0,18}})"
"""What a run id looks like, as a regular expression for a whole text."""

_RUN_ID = re.compile(RUN_ID_PATTERN)


@dataclass(frozen=True, slots=True)
class RunId:
    """Identity of the work for one record: `topic/partition/offset@timestamp` (milliseconds).

    Kafka gives the four parts, so a sender can neither forge nor repeat it. The timestamp tells the records of
    a deleted and re-created topic apart. `text` is what `str` gives: made once, because a run asks for it many times.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    text: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", f"{self.topic}/{self.partition}/{self.offset}@{self.timestamp_ms}")

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: str) -> "RunId":
        """Reads what `str` writes.

        Raises:
            InvalidRequest: the text is no run id.
        """
        match = _RUN_ID.fullmatch(text)
        if match is None:
            raise InvalidRequest(f"{text[:80]!r} is no run id; a run id looks like llm.requests/3/4711@1764000000000")
        return cls(match[1], int(match[2]), int(match[3]), int(match[4]))


def first_attempt(epoch: int, last_attempt: int | None) -> int:
    """First attempt number of a claim for a run: grows over owners, and over attempts that are already known."""
    first = epoch * ATTEMPTS_PER_EPOCH
    return first if last_attempt is None else max(first, last_attempt + 1)


def usage_id(run_id: str, attempt: int, call: int) -> str:
    """Identity of one call to a provider, and of its usage line: `run_id/attempt/call`."""
    return f"{run_id}/{attempt}/{call}"
