"""Lost calls: each one's bill is published once, when its time has come, whatever fails on the way."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from streamproc.chain.run import Terminal
from streamproc.kafka.inherited import Inherited, InheritedCall
from streamproc.kafka.journals import Journals
from streamproc.kafka.lost import bill_lost_calls, due_calls
from streamproc.kafka.metadata import CommitMetadata
from streamproc.observe.events import CallLost, JournalTrouble
from streamproc.records.codec import decode_usage
from streamproc.records.journal import CallEnded, CallStarted, Note
from streamproc.records.outgoing import Outgoing
from streamproc.records.terminal import usage_record
from streamproc.records.usage import UsageLine
from tests.fakes import NOW, FakeClock, MemoryTransactor, Seen, Transaction, a_claim, an_assignment, eventually
from tests.lines import a_line

CALL_SECONDS = 20.0
BOUND = a_line(basis="upper_bound", reason="lost")
BILL = a_line()
ID = BILL.usage_id


def started(line: UsageLine = BOUND) -> CallStarted:
    """The note before a call."""
    return CallStarted(owner="dead", run_id=line.run_id, line=line)


def ended(line: UsageLine | None = BILL) -> CallEnded:
    """The note after a call."""
    return CallEnded(owner="dead", run_id=BOUND.run_id, usage_id=ID, line=line, reason="completed")


class MemoryJournals(Journals):
    """Notes that come late, and the usage lines that are published. The next reads and looks fail as `troubles` says."""

    def __init__(self) -> None:
        self.late: deque[Note] = deque()
        self.lines: set[str] = set()
        self.troubles: list[str] = []
        self.settled: list[UsageLine] = []

    def _fail(self, doing: str) -> None:
        if doing in self.troubles:
            self.troubles.remove(doing)
            raise KafkaConnectionError("nobody there")

    async def read(self, key: TopicPartition, owner: str, start: int, into: Inherited) -> int:
        self._fail("read")
        while self.late:
            into.add(self.late.popleft(), 5, start, int(NOW * 1000))
            start += 1
        return start

    def bill(self, line: UsageLine) -> None:
        self.settled.append(line)

    async def published(self, partition: int, calls: Mapping[str, InheritedCall]) -> set[str]:
        self._fail("published")
        return self.lines & set(calls)


class Rig:
    """A partition just claimed, in whose journal these notes stand, written now."""

    def __init__(self) -> None:
        self.clock, self.seen, self.journals = FakeClock(), Seen(), MemoryJournals()
        self.stored: list[Transaction] = []
        self.assignment = an_assignment()
        self.billing: list[asyncio.Task[None]] = []

    def claim(self, *notes: Note) -> MemoryTransactor:
        """As a claim of a new owner does it, and as one of the same owner."""
        transactor = MemoryTransactor(self.stored)
        inherited = Inherited(0, ())
        for note in notes:
            inherited.add(note, 5, 100, int(NOW * 1000))
        former = self.assignment.owner if self.assignment.epoch else "dead"
        self.assignment.claimed(
            a_claim(transactor, 0, CommitMetadata(7), former)._replace(inherited=inherited, inherited_to=101)
        )
        return transactor

    def bill(self) -> asyncio.Task[None]:
        billing = bill_lost_calls(self.assignment, self.journals, CALL_SECONDS, self.clock, self.seen)
        self.billing.append(asyncio.create_task(billing))
        return self.billing[-1]

    async def commit(self) -> None:
        await self.assignment.commit_now(self.clock, self.seen, 2**20)
        self.journals.lines |= {line.usage_id for line in self.lines}

    @property
    def lines(self) -> list[UsageLine]:
        """Bills that were published."""
        return [decode_usage(value or b"") for values, _, _ in self.stored for value in values]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """Nothing looks on after the test."""
    made = Rig()
    yield made
    for billing in made.billing:
        billing.cancel()


def test_calls_are_due_when_they_ended_or_no_call_takes_so_long() -> None:
    """A call of somebody who is only cut off is given its time, to the millisecond."""
    inherited = Inherited(0, ())
    inherited.add(started(), 5, 100, 1_000)
    assert due_calls(inherited, 20_999, 20_000) == {}
    assert list(due_calls(inherited, 21_000, 20_000)) == [ID]
    inherited.add(ended(), 5, 101, 2_000)
    assert list(due_calls(inherited, 2_000, 20_000)) == [ID]


async def test_a_lost_call_is_billed_at_its_bound_when_its_time_is_over(rig: Rig) -> None:
    """And not a moment before."""
    rig.claim(started())
    billing = rig.bill()
    await eventually(lambda: bool(rig.assignment.lost))
    assert rig.clock.now >= NOW + CALL_SECONDS
    assert sum(rig.clock.slept) <= CALL_SECONDS + 0.2
    await rig.commit()
    await billing
    assert rig.lines == [BOUND]
    assert [lost.line for lost in rig.seen.of(CallLost)] == [BOUND]


async def test_a_call_that_ended_is_billed_at_once(rig: Rig) -> None:
    """Its owner wrote the bill down, and nothing more will come."""
    rig.claim(started(), ended())
    billing = rig.bill()
    await eventually(lambda: bool(rig.assignment.lost))
    assert len(rig.clock.slept) <= 1  # found by the first look
    await rig.commit()
    await billing
    assert rig.lines == [BILL]


@pytest.mark.parametrize("notes", [(started(), ended()), (started(),)])
async def test_a_bill_that_is_published_already_is_not_published_again(rig: Rig, notes: tuple[Note, ...]) -> None:
    """Its owner died before it learned of that; or the owner in between billed the bound."""
    rig.claim(*notes)
    rig.journals.lines = {ID}
    await rig.bill()
    await rig.commit()
    assert rig.lines == []
    assert rig.seen.of(CallLost) == []
    assert rig.assignment.inherited.unbilled == {}


@pytest.mark.parametrize(("end", "bills"), [(ended(), [BILL]), (ended(None), [])])
async def test_the_last_word_of_an_owner_that_is_shut_out_is_heard(
    rig: Rig, end: CallEnded, bills: list[UsageLine]
) -> None:
    """It comes after the claim; the bill is the call's own then, or there is none."""
    rig.claim(started())
    billing = rig.bill()
    await eventually(lambda: len(rig.clock.slept) == 2)
    rig.journals.late.append(end)
    await eventually(lambda: billing.done() or bool(rig.assignment.lost))
    assert rig.clock.now < NOW + CALL_SECONDS
    await rig.commit()
    await billing
    assert rig.lines == bills


@pytest.mark.parametrize("trouble", ["read", "published"])
async def test_a_broker_that_is_away_is_asked_again(rig: Rig, trouble: str) -> None:
    """It is told, and nothing is billed without a look at what is published."""
    rig.claim(started(), ended())
    rig.journals.troubles = [trouble] * 3
    billing = rig.bill()
    await eventually(lambda: bool(rig.assignment.lost))
    assert len(rig.seen.of(JournalTrouble)) == 3
    assert "cannot look for lost calls of llm.requests/0" in str(rig.seen.of(JournalTrouble)[0])
    await rig.commit()
    await billing
    assert [line.usage_id for line in rig.lines] == [ID]


async def test_a_bill_on_its_way_is_not_put_there_again(rig: Rig) -> None:
    """While a commit takes its time the looks go on."""
    rig.claim(started(), ended())
    rig.bill()
    await eventually(lambda: len(rig.clock.slept) > 5)
    assert len(rig.seen.of(CallLost)) == 1


@pytest.mark.parametrize("breaks", ["before", "after"])
async def test_a_broken_commit_doubles_no_bill_and_loses_none(rig: Rig, breaks: str) -> None:
    """Whether it was stored is looked up after the next claim."""
    rig.claim(started(), ended()).breaks = breaks
    billing = rig.bill()
    await eventually(lambda: bool(rig.assignment.lost))
    await rig.commit()
    billing.cancel()
    assert ID in rig.assignment.inherited.unbilled
    rig.claim()
    assert rig.assignment.lost == {}
    billing = rig.bill()
    await eventually(lambda: billing.done() or bool(rig.assignment.lost))
    await rig.commit()
    await billing
    assert [line.usage_id for line in rig.lines] == [ID]


async def test_a_bill_that_comes_while_a_commit_is_under_way_waits_for_the_next(rig: Rig) -> None:
    """It is not forgotten with those that were stored."""
    rig.claim()
    other = a_line(call=2)

    class Slow(MemoryTransactor):
        async def commit(self, records: Iterable[Outgoing], position: int, metadata: str) -> None:
            rig.assignment.bill_lost(other.usage_id, usage_record(other, None))
            await super().commit(records, position, metadata)

    rig.assignment.bill_lost(ID, usage_record(BILL, None))
    rig.assignment._transactor = Slow(rig.stored)
    await rig.commit()
    rig.assignment._transactor = MemoryTransactor(rig.stored)
    await rig.commit()
    await rig.commit()
    assert rig.lines == [BILL, other]


async def test_the_journal_is_kept_as_long_as_a_bill_is_missing(rig: Rig) -> None:
    """The commit that publishes it lets go of its note."""
    rig.claim(started())
    await rig.commit()
    rig.assignment.offsets.track(5)
    rig.assignment.finish(5, Terminal(()))
    await rig.commit()
    rig.bill()
    await eventually(lambda: bool(rig.assignment.lost))
    await rig.commit()
    assert [(position, metadata.journal) for _, position, metadata in rig.stored] == [(6, 100), (6, 101)]
