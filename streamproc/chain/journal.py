"""The journal, as the chain sees it: durable notes around the calls of one run, and of its finished answer.

With them a worker that dies leaves a trace: calls that were lost can be billed, and answers need not be bought again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from streamproc.records.outgoing import Outgoing
from streamproc.records.usage import UsageLine

__all__ = ["Journal", "MemoryJournal"]


class Journal(Protocol):
    """Notes of one run."""

    async def started(self, line: UsageLine) -> None:
        """Returns when the call may begin: the note is stored, and the run's partition is ours for sure.

        `line` is the most the call can use. Whoever is cancelled here has to say that the call `ended`.
        """
        ...

    def ended(self, usage_id: str, line: UsageLine | None, reason: str) -> None:
        """Says what a call used; None is nothing, or a call that was never made. Waits for nothing."""
        ...

    def completed(self, records: Sequence[Outgoing]) -> None:
        """Notes the run's result, which is among these records. Waits for nothing: who publishes it waits for that."""
        ...


@dataclass(slots=True)
class MemoryJournal:
    """Keeps the notes of one process' life. For tests, and for chains that run without Kafka."""

    notes: list[tuple[str, str, UsageLine | None]] = field(default_factory=list)
    answers: list[tuple[Outgoing, ...]] = field(default_factory=list)

    async def started(self, line: UsageLine) -> None:
        """Notes it at once."""
        self.notes.append(("started", line.usage_id, line))

    def ended(self, usage_id: str, line: UsageLine | None, reason: str) -> None:
        """Notes it with its reason as the kind."""
        self.notes.append((reason, usage_id, line))

    def completed(self, records: Sequence[Outgoing]) -> None:
        """Notes it."""
        self.answers.append(tuple(records))
