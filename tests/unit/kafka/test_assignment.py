"""An assignment's commits: what is finished is said, also when the first try to say it fails."""

from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError

from streamproc.chain.run import Terminal
from streamproc.kafka.assignment import Assignment
from streamproc.kafka.committer import Committer
from streamproc.kafka.metadata import CommitMetadata
from streamproc.records.outgoing import Outgoing
from tests.fakes import FakeClock, MemoryProducer, Seen


class Commits:
    """Takes offset commits, or refuses as many as it is told."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.taken: list[tuple[int, str]] = []

    async def __call__(self, offsets: dict[TopicPartition, tuple[int, str]]) -> None:
        if self.refusals:
            self.refusals -= 1
            raise CommitFailedError
        self.taken += offsets.values()


async def test_what_a_failed_commit_did_not_say_the_next_one_says() -> None:
    """A run behind an unfinished head moves no offset, only the map beside it.

    When its commit failed, nothing was left that asked for another: the next owner bought the answer again.
    """
    clock, commits, producer = FakeClock(), Commits(refusals=1), MemoryProducer()
    committer = Committer(producer, commits, {"results": "r"}, clock, Seen())
    assignment = Assignment("llm.requests", 0, None)
    assignment.claimed(5, CommitMetadata(epoch=1))
    for offset in (5, 6):
        assignment.offsets.track(offset)
    assignment.finish(6, Terminal((Outgoing("results", b"k", b"v", ()),)))
    await assignment.commit_now(committer, clock, Seen())
    assert commits.taken == []
    await assignment.commit_now(committer, clock, Seen())
    ((position, metadata),) = commits.taken
    assert (position, CommitMetadata.decode(metadata)) == (5, CommitMetadata(1, frozenset({1})))
    await assignment.commit_now(committer, clock, Seen())
    assert len(commits.taken) == 1
    assert len(producer.stored["r", 0]) == 1
