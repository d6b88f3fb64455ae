"""A partition in hand, without Kafka."""

import asyncio

from streamproc.chain.run import Terminal
from streamproc.kafka.assignment import Claim
from streamproc.kafka.metadata import CommitMetadata
from streamproc.records.identity import RunId
from streamproc.records.outgoing import Outgoing
from tests.fakes import FakeClock, MemoryTransactor, Seen, Transaction, a_claim, an_assignment

__all__ = ["AssignmentRig"]


class AssignmentRig:
    """A partition whose offsets 5 and 6 are in hand, and the transactions that were stored."""

    def __init__(self) -> None:
        self.stored: list[Transaction] = []
        self.clock, self.seen = FakeClock(), Seen()
        self.assignment = an_assignment()
        self.transactor = self.claim(a_claim(self._new(), 5, CommitMetadata(epoch=7)))
        for offset in (5, 6):
            self.assignment.offsets.track(offset)

    def _new(self) -> MemoryTransactor:
        return MemoryTransactor(self.stored)

    def claim(self, claim: Claim) -> MemoryTransactor:
        self.assignment.claimed(claim)
        assert isinstance(claim.transactor, MemoryTransactor)
        return claim.transactor

    def claim_again(self) -> MemoryTransactor:
        """As the claim does it: what is stored is read, and the epoch grows."""
        position, before = (5, CommitMetadata(7)) if not self.stored else self.stored[-1][1:]
        metadata = CommitMetadata(before.epoch + 1, before.done)
        return self.claim(a_claim(self._new(), position, metadata, self.assignment.owner))

    def finish(self, offset: int) -> None:
        self.assignment.finish(offset, Terminal((Outgoing("results", b"k", b"v%d" % offset, ()),)))

    def answer(self, offset: int) -> None:
        """As `finish`, of a run whose answer is noted."""
        answer = Outgoing("results", b"k", b"v%d" % offset, ())
        self.assignment.journal.of(RunId("llm.requests", 0, offset, 1), offset).completed((answer,))
        self.finish(offset)

    async def commit(self, max_bytes: int = 2**20) -> None:
        await self.assignment.commit_now(self.clock, self.seen, max_bytes)

    async def store_notes(self) -> None:
        journal = self.assignment.journal
        sending = asyncio.create_task(journal._lane.run())
        await journal.answers_stored()
        sending.cancel()

    @property
    def values(self) -> list[bytes | None]:
        return [value for values, _, _ in self.stored for value in values]
