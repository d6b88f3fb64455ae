"""The claim of a partition: what it commits, what it reads, and whether the partition was somebody else's meanwhile."""

from collections.abc import Mapping
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.commit import OffsetFetchResponse_v3

from streamproc.errors import SetupError
from streamproc.kafka.assignment import Assignment, Claim
from streamproc.kafka.claim import claim
from streamproc.kafka.inherited import Inherited, InheritedCall
from streamproc.kafka.journals import Journals
from streamproc.kafka.membership import Generation, Membership
from streamproc.kafka.metadata import CommitMetadata
from streamproc.kafka.transactor import Transactor
from streamproc.records.journal import CallEnded, Note, RunCompleted
from tests.fakes import NOW, FakeClock, MemoryTransactor, Transaction, an_assignment
from tests.lines import a_line, a_result


class MemoryMembership(Membership):
    """Alive as often as `alive` says."""

    def __init__(self) -> None:
        self.group = "g"
        self.alive = [True] * 100

    @property
    def generation(self) -> Generation:
        return Generation(1, "me")

    async def is_alive(self, generation: Generation) -> bool:
        return self.alive.pop(0)


class MemoryJournals(Journals):
    """A journal that ends at 50; `reads` are the offsets it was read from. While it is `away`, reading fails."""

    def __init__(self) -> None:
        self.reads: list[int] = []
        self.notes: list[Note] = []
        self.lines: set[str] = set()
        self.is_away = False
        self.end_of_requests = 1000

    async def end(self, partition: int) -> int:
        return 50

    async def end_of(self, key: TopicPartition) -> int:
        return self.end_of_requests

    async def read(self, key: TopicPartition, owner: str, start: int, into: Inherited) -> int:
        self.reads.append(start)
        if self.is_away:
            raise KafkaConnectionError("the journal is away")
        for note in self.notes:
            into.add(note, 5, start, 0)
        return 60

    async def published(self, partition: int, calls: Mapping[str, InheritedCall]) -> set[str]:
        return self.lines & set(calls)


class Foreign(CommitMetadata):
    """What another program committed."""

    def encode(self) -> str:
        return "somebody else's"


class Rig:
    """A partition whose committed offset is what the last transaction says."""

    def __init__(self) -> None:
        self.membership, self.journals, self.clock = MemoryMembership(), MemoryJournals(), FakeClock()
        self.stored: list[Transaction] = []
        self.transactors: list[MemoryTransactor] = []
        self._coordinator = self

    def new_transactor(self, key: TopicPartition) -> Transactor:
        self.transactors.append(MemoryTransactor(self.stored))
        return self.transactors[-1]

    async def claim(self, assignment: Assignment) -> Claim | None:
        return await claim(
            assignment, self, self.membership, self.new_transactor, self.journals, "earliest", self.clock
        )

    async def owned(self, assignment: Assignment) -> Claim:
        """A claim that is taken."""
        claimed = await self.claim(assignment)
        assert claimed is not None
        assignment.claimed(claimed)
        return claimed

    async def ensure_coordinator_known(self) -> None:
        """The coordinator is this rig."""

    async def _send_req(self, request: Any) -> Any:
        (_, position, metadata), *_ = self.stored[::-1] or [((), -1, CommitMetadata(0))]
        return OffsetFetchResponse_v3(0, [("llm.requests", [(0, position, metadata.encode(), 0)])], 0)

    async def beginning_offsets(self, keys: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(keys, 0)

    async def end_offsets(self, keys: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(keys, self.journals.end_of_requests)


async def test_a_new_owner_writes_its_name_and_reads_the_journal() -> None:
    """From where the former one left it, which the commit repeats: whoever comes next has to read the same."""
    rig = Rig()
    rig.stored.append(((), 5, CommitMetadata(7, frozenset({2}), "former", 40)))
    claimed = await rig.owned(an_assignment(owner="me"))
    assert rig.stored[1:] == [((), 5, CommitMetadata(int(NOW), frozenset({2}), "me", 40))]
    assert (claimed.position, claimed.former_owner, claimed.inherited_to) == (5, "former", 60)
    assert rig.journals.reads == [40]


async def test_a_first_owner_begins_at_the_journals_end() -> None:
    """Nobody was there before, or a version that wrote no journal: what stands in it is of no use."""
    rig = Rig()
    await rig.owned(an_assignment())
    assert rig.stored == [((), 0, CommitMetadata(int(NOW), owner="me", journal=50))]
    assert rig.journals.reads == [50]


async def test_an_owner_that_claims_again_reads_nothing() -> None:
    """What stands in the journal is its own."""
    rig, assignment = Rig(), an_assignment()
    await rig.owned(assignment)
    again = await rig.owned(assignment)
    assert (again.former_owner, rig.journals.reads) == ("me", [50])
    assert [metadata.epoch for _, _, metadata in rig.stored] == [int(NOW), int(NOW) + 1]


async def test_a_partition_that_ends_before_its_committed_offset_is_not_claimed() -> None:
    """The topic was made anew by a tool that keeps offsets, or restored from a backup.

    Its new requests had offsets that were finished long ago, so they were passed by without a word, thousands of them.
    """
    rig = Rig()
    rig.stored.append(((), 5, CommitMetadata(7)))
    rig.journals.end_of_requests = 4
    with pytest.raises(SetupError, match=r"up to offset 5, and the partition ends at 4: .* `streamproc offsets reset`"):
        await rig.claim(an_assignment())
    assert rig.transactors[0].stopped
    rig.journals.end_of_requests = 5
    assert (await rig.owned(an_assignment())).position == 5


async def test_metadata_that_cannot_be_read_is_told_with_its_partition() -> None:
    """Whoever has a hundred partitions had to look for it."""
    rig = Rig()
    rig.stored.append(((), 5, Foreign(7)))
    with pytest.raises(SetupError, match=r"^llm.requests partition 0: .* metadata that is not ours: .somebody else"):
        await rig.claim(an_assignment())


async def test_a_first_claim_that_breaks_at_the_journal_is_made_anew() -> None:
    """Its name stands beside the offset already; the journal is read all the same."""
    rig, assignment = Rig(), an_assignment()
    rig.stored.append(((), 5, CommitMetadata(7, owner="former", journal=40)))
    rig.journals.is_away = True
    with pytest.raises(KafkaConnectionError):
        await rig.claim(assignment)
    assert rig.transactors[0].stopped
    rig.journals.is_away = False
    await rig.owned(assignment)
    assert rig.journals.reads == [40, 40]


async def test_a_partition_that_somebody_else_had_is_not_marked_as_kept() -> None:
    """A worker that was away for a while wrote its name over that of the owner in between, and then its claim broke.

    The next try found its own name, and went on with runs that the other one had answered: they had two results.
    """
    rig, assignment = Rig(), an_assignment(owner="me")
    await rig.owned(assignment)
    rig.stored.append(((), 9, CommitMetadata(int(NOW) + 5, owner="other", journal=55)))
    for _ in range(2):
        claimed = await rig.claim(assignment)
        assert claimed is not None
        assert not assignment.continues(claimed)
    assert rig.stored[-1][2].owner == "other"


async def test_bills_that_wait_for_their_answer_are_those_that_nobody_published() -> None:
    """The owner in between may have billed the calls before their answer came."""
    rig = Rig()
    rig.stored.append(((), 5, CommitMetadata(7, owner="former", journal=40)))
    bills = [a_line(call=number) for number in (1, 2)]
    rig.journals.notes = [
        *(
            CallEnded(owner="dead", run_id=bill.run_id, usage_id=bill.usage_id, line=bill, reason="completed")
            for bill in bills
        ),
        RunCompleted(owner="dead", run_id=bills[0].run_id, result=a_result()),
    ]
    rig.journals.lines = {bills[0].usage_id}
    claimed = await rig.owned(an_assignment())
    assert claimed.inherited.history(5, bills[0].run_id).bills == (bills[1],)


@pytest.mark.parametrize("answers", [[False], [True, False]])
async def test_a_member_that_is_out_of_the_group_claims_nothing(answers: list[bool]) -> None:
    """Before the fence it shuts out nobody, and after it moves nothing."""
    rig = Rig()
    rig.membership.alive = answers.copy()
    assert await rig.claim(an_assignment()) is None
    assert rig.stored == []
    assert [transactor.stopped for transactor in rig.transactors] == [True] * (len(answers) - 1)
