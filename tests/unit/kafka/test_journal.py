"""A partition's journal: when a call may begin, and which notes a later owner would need."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka import TopicPartition

from streamproc.chain.accounting import Accounted
from streamproc.chain.provider import Text
from streamproc.kafka.journal import PartitionJournal, RunJournal
from streamproc.kafka.lane import Lane
from streamproc.records.codec import decode_result
from streamproc.records.identity import RunId
from streamproc.records.journal import CallEnded, CallStarted, Note, RunCompleted
from streamproc.records.notes import decode_note
from streamproc.records.outgoing import Outgoing
from streamproc.records.terminal import result_records
from streamproc.records.view import join_parts
from tests.fakes import FakeClock, MemoryProducer, Seen, eventually, scripted
from tests.lines import a_line, a_result
from tests.unit.chain.accounts import RATES, a_measure, the_call

KEY = TopicPartition("llm.requests", 3)
PLACE = ("llm.journal", 3)


class Rig:
    """A journal, and the lane that stores its notes."""

    def __init__(self, *, waits: bool = True, company_seconds: float = 0.0) -> None:
        self.producer, self.clock = MemoryProducer(), FakeClock()
        self.may_call = True
        self.lane = Lane(self.producer, "llm.journal", 3, self.clock, lambda _: None, company_seconds, repeats=True)
        self.journal = PartitionJournal(KEY, "me", self.lane, lambda: self.may_call, self.clock, waits=waits)
        self.sending = asyncio.create_task(self.lane.run())

    def run(self, offset: int) -> RunJournal:
        return self.journal.of(RunId("llm.requests", 3, offset, 1), offset)

    @property
    def notes(self) -> list[Note]:
        return [decode_note(value) for _, value, _ in self.producer.stored.get(PLACE, [])]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """A journal whose notes are stored at once."""
    made = Rig()
    yield made
    made.sending.cancel()


async def test_a_call_begins_when_its_note_is_stored(rig: Rig) -> None:
    """And not while it is on its way."""
    rig.producer.gate.clear()
    line = a_line()
    waiting = asyncio.create_task(rig.run(5).started(line))
    await eventually(lambda: rig.producer.asked == 1)
    assert not waiting.done()
    rig.producer.gate.set()
    await waiting
    assert rig.notes == [CallStarted(owner="me", run_id="llm.requests/3/5@1", line=line)]
    ((key, _, headers),) = rig.producer.stored[PLACE]
    assert key == b"llm.requests/3/5"
    told = dict(headers)
    assert (told["owner"], told["ce_id"]) == (b"me", line.usage_id.encode() + b"/started")
    assert told["ce_type"] == b"streamproc.journal.v1"


async def test_a_worker_may_be_told_not_to_wait() -> None:
    """The call begins while its note is on its way; the partition has to be ours all the same."""
    rig = Rig(waits=False)
    rig.producer.gate.clear()
    await rig.run(5).started(a_line())
    rig.may_call = False
    waiting = asyncio.create_task(rig.run(6).started(a_line()))
    await eventually(lambda: len(rig.clock.slept) > 3)
    assert not waiting.done()
    rig.may_call = True
    await waiting
    rig.sending.cancel()


async def test_a_call_waits_until_the_partition_is_ours_for_sure(rig: Rig) -> None:
    """Its note is stored by then: a note without a call costs a line too much at worst, and never one too few."""
    rig.may_call = False
    waiting = asyncio.create_task(rig.run(5).started(a_line()))
    await eventually(lambda: len(rig.notes) == 1 and len(rig.clock.slept) > 3)
    assert not waiting.done()
    rig.may_call = True
    await waiting


async def test_a_call_that_is_cut_while_it_waits_was_never_made(rig: Rig) -> None:
    """The provider is not asked, and the journal says so: otherwise the next owner would bill it at its bound."""
    rig.may_call = False
    provider = scripted(lambda _: [Text("never")])
    accounted = Accounted(provider, lambda *_: RATES, a_measure(), rig.clock, Seen())
    call = the_call(journal=rig.run(5))

    async def ask() -> None:
        async for _ in accounted.stream(call):
            pass

    asking = asyncio.create_task(ask())
    await eventually(lambda: len(rig.notes) == 1 and len(rig.clock.slept) > 3)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await rig.journal.flush()
    begun, end = rig.notes
    assert isinstance(begun, CallStarted)
    assert isinstance(end, CallEnded)
    assert (end.usage_id, end.line, end.reason) == (begun.line.usage_id, None, "not_made")
    assert (call.progress.lines, provider.started) == ([], 0)


async def test_an_end_is_told_without_waiting(rig: Rig) -> None:
    """With its bill or without one."""
    rig.producer.gate.clear()
    line = a_line()
    rig.run(5).ended(line.usage_id, line, "completed")
    rig.run(5).ended("b", None, 'a "reason"')
    rig.producer.gate.set()
    await rig.journal.flush()
    run_id = "llm.requests/3/5@1"
    assert rig.notes == [
        CallEnded(owner="me", run_id=run_id, usage_id=line.usage_id, line=line, reason="completed"),
        CallEnded(owner="me", run_id=run_id, usage_id="b", line=None, reason='a "reason"'),
    ]


async def test_the_end_of_a_call_goes_with_the_answer() -> None:
    """Each was a request to Kafka of its own: a third of all that a streamed run asked of the journal."""
    rig = Rig(company_seconds=3600)
    line, records = a_line(), result_records(a_result(text="abc"), b"k", None, 12_200)
    rig.run(5).ended(line.usage_id, line, "completed")
    for _ in range(20):
        await asyncio.sleep(0)
    assert rig.producer.asked == 0
    rig.run(5).completed(records)
    await rig.journal.answers_stored()
    assert rig.producer.batches == [2]
    assert [note.kind for note in rig.notes] == ["ended", "completed"]
    rig.sending.cancel()
    rig.lane.close()


async def test_the_end_of_a_call_waits_for_nobody_who_is_asked_to_wait_for_it() -> None:
    """A partition that is given away says how its calls ended, and at once."""
    rig = Rig(company_seconds=3600)
    rig.run(5).ended("a", None, "cancelled")
    await rig.journal.flush()
    assert [note.kind for note in rig.notes] == ["ended"]
    rig.sending.cancel()
    rig.lane.close()


async def test_the_end_of_a_call_without_an_answer_leaves_alone() -> None:
    """After a moment: the run may wait for its next try for long."""
    rig = Rig(company_seconds=0.01)
    rig.run(5).ended("a", None, "rate_limited")
    await eventually(lambda: bool(rig.notes))
    assert rig.producer.batches == [1]
    rig.sending.cancel()


async def test_an_answer_is_stored_before_it_is_published(rig: Rig) -> None:
    """In as many notes as its result has parts; what else the run leaves behind is no matter of the journal."""
    result = a_result(text="abc" * 3000)
    records = (*result_records(result, b"k", None, 12_200), Outgoing("usage", b"k", b"{}", ()))
    rig.producer.gate.clear()
    rig.run(5).completed(records)
    waiting = asyncio.create_task(rig.journal.answers_stored())
    await eventually(lambda: rig.producer.asked == 1)
    assert not waiting.done()
    assert (rig.journal.is_stored(5), rig.journal.is_stored(6)) == (False, True)
    rig.producer.gate.set()
    await waiting
    assert rig.journal.is_stored(5)
    notes = [note for note in rig.notes if isinstance(note, RunCompleted)]
    assert len(notes) == len(rig.notes) == len(records) - 1
    assert join_parts([note.result for note in notes]) == result
    assert [note.result for note in notes] == [decode_result(record.value or b"") for record in records[:-1]]


async def test_the_position_is_before_the_first_note_of_a_run_that_is_not_finished(rig: Rig) -> None:
    """Where the journal ended when the note was sent, no note of the run can stand before; else after the last one."""
    rig.journal.begin_at(100)
    assert rig.journal.position(()) == 100
    rig.journal.begin_at(60)
    assert rig.journal.position(()) == 100
    rig.producer.stored[PLACE] = [(None, None, ())] * 100
    await rig.run(5).started(a_line())
    await rig.run(6).started(a_line())
    rig.run(5).ended("a", None, "completed")
    await rig.journal.flush()
    assert rig.journal.position(()) == 100
    assert rig.journal.position({5}) == 101
    assert rig.journal.position({5, 6}) == 103
    rig.journal.finish([6])
    assert rig.journal.position(()) == 100
    rig.journal.finish([5, 7])
    assert rig.journal.position(()) == 103


async def test_notes_under_way_hold_the_position(rig: Rig) -> None:
    """Two runs whose notes are not stored yet: both may stand where the journal ended before."""
    rig.journal.begin_at(0)
    rig.producer.gate.clear()
    rig.run(6).ended("a", None, "x")
    rig.run(5).ended("b", None, "x")
    assert (rig.journal.position(()), rig.journal.position({6}), rig.journal.position({5, 6})) == (0, 0, 0)
    rig.producer.gate.set()
    await rig.journal.flush()
    assert (rig.journal.position(()), rig.journal.position({6}), rig.journal.position({5, 6})) == (0, 0, 2)
