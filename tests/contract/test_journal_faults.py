"""A broker that refuses notes, loses its answers, or does not let the journal be read: no call is lost or doubled."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from streamproc.embedded.codes import Code
from streamproc.embedded.faults import Fault
from streamproc.kafka.metadata import CommitMetadata
from streamproc.observe.events import JournalTrouble, PartitionChanged
from streamproc.records.journal import CallStarted
from tests.contract.harness.bookkeeping import accounted, billed, open_calls
from tests.contract.harness.forging import DeadOwner
from tests.contract.harness.member import running_member
from tests.contract.harness.outputs import read_all
from tests.contract.harness.stage import Stage, staged
from tests.contract.harness.waiting import eventually
from tests.lines import a_line
from tests.servers.embedded import EmbeddedBroker

MODEL = "mock-t20-i5"


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    """A broker that can be told what to do wrong."""
    with EmbeddedBroker() as broker:
        yield broker


@contextmanager
def met(broker: EmbeddedBroker, fault: Fault) -> Iterator[Fault]:
    """While the block lasts, requests meet the fault, and some have to."""
    broker.call(lambda broker: broker.faults.add(fault))
    try:
        yield fault
        assert fault.met
    finally:
        broker.call(lambda broker: broker.faults.remove(fault))


async def all_is_accounted_for(stage: Stage, calls: int) -> None:
    """Waits for so many results; each had one call, and each call its bill and its last note."""
    await stage.outputs.until(lambda: len(stage.outputs.results) >= calls)
    assert await accounted(stage.mock, stage.outputs) == billed(stage.outputs)
    assert stage.outputs.twice() == {}
    assert {result.status for result in stage.outputs.results} == {"completed"}
    assert (len(billed(stage.outputs)), open_calls(stage.outputs)) == (calls, set())
    begun = {note.line.usage_id for note in stage.outputs.notes if isinstance(note, CallStarted)}
    assert begun == billed(stage.outputs)


async def test_notes_that_are_refused_come_again(broker: EmbeddedBroker, topic_prefix: str) -> None:
    """Each refusal replaces the producer; the calls wait meanwhile."""
    async with staged(broker.bootstrap, topic_prefix, MODEL) as stage, running_member(stage.settings) as member:
        await member.has_claimed(4)
        journal = stage.settings.topics.journal
        with met(broker, Fault("Produce", topic=journal, error=Code.MESSAGE_TOO_LARGE, times=3)) as fault:
            await stage.ask_many((n % 4, stage.request(MODEL)) for n in range(12))
            await all_is_accounted_for(stage, 12)
            assert fault.met == 3


async def test_notes_whose_acknowledgement_is_lost_say_nothing_new(broker: EmbeddedBroker, topic_prefix: str) -> None:
    """Whatever is sent twice stands there once or twice, and is billed once."""
    async with staged(broker.bootstrap, topic_prefix, MODEL) as stage, running_member(stage.settings) as member:
        await member.has_claimed(4)
        # The stage's own producer is not to be met: its records are there before.
        asking = asyncio.create_task(stage.ask_many((n % 4, stage.request(MODEL)) for n in range(12)))
        await eventually(lambda: member.worker.consumer.dispatch.running)
        with met(broker, Fault("Produce", drop="after", times=6)):
            await asking
            await all_is_accounted_for(stage, 12)


async def test_a_claim_waits_for_the_journal(broker: EmbeddedBroker, topic_prefix: str) -> None:
    """Nothing is answered before it was read: an answer that is in it would be bought again."""
    async with staged(broker.bootstrap, topic_prefix, MODEL) as stage:
        run = await stage.ask(MODEL)
        dead, line = DeadOwner(stage, "dead"), a_line(str(run))
        await dead.started(run, line)
        await dead.ended(run, line.usage_id, line)
        await dead.owned(run)
        journal = stage.settings.topics.journal
        # The reader of the test would meet it, too. The worker's start meets the first one, and does not mind.
        await stage.outputs.stop()
        with met(broker, Fault("Fetch", topic=journal, partition=0, error=Code.NOT_LEADER_OR_FOLLOWER, times=4)):
            async with running_member(stage.settings) as member:
                await member.has_claimed(4)
                claims = [told for told in member.all(PartitionChanged) if "claim failed" in told.change]
                assert {told.partition for told in claims} == {0}  # as many as the start and a look beside it left
                await stage.has_committed(run)
                await eventually(lambda: not any(a.inherited.unbilled for a in member.worker.consumer.assignments))
        assert stage.mock.stats.snapshot()["requests"] == 1


async def test_the_look_for_lost_calls_outlasts_a_broker_that_refuses(
    broker: EmbeddedBroker, topic_prefix: str
) -> None:
    """Nothing is billed before the usage topic was read: the bill may be in it."""
    async with staged(broker.bootstrap, topic_prefix, MODEL) as stage:
        run = await stage.ask(MODEL)
        dead, line = DeadOwner(stage, "dead"), a_line(str(run))
        await dead.started(run, line)
        await dead.ended(run, line.usage_id, line)
        await dead.published(run, line)
        await dead.owned(run)
        usage = stage.settings.topics.usage
        await stage.outputs.stop()
        # The worker's start reads this topic, too, and does not mind: nobody knows how often it asks.
        refusal = Fault("Fetch", topic=usage, error=Code.NOT_LEADER_OR_FOLLOWER, times=None)
        with met(broker, refusal):
            async with running_member(stage.settings) as member:
                await eventually(lambda: member.all(JournalTrouble))
                broker.call(lambda broker: broker.faults.remove(refusal))
                await member.has_claimed(4)
                await stage.has_committed(run)
                await eventually(lambda: not any(a.inherited.unbilled for a in member.worker.consumer.assignments))
        outputs = await read_all(stage.bootstrap, stage.settings.topics)
        assert [found.usage_id for found in outputs.usage_of(run)].count(line.usage_id) == 1


async def test_a_journal_that_begins_behind_its_position_is_read_from_its_beginning(
    broker: EmbeddedBroker, topic_prefix: str
) -> None:
    """The topic was made anew, or its oldest notes were deleted."""
    async with staged(broker.bootstrap, topic_prefix, MODEL) as stage:
        run = await stage.ask(MODEL)
        dead, line = DeadOwner(stage, "dead"), a_line(str(run))
        await dead.started(run, line)
        await dead.ended(run, line.usage_id, line)
        await dead.owned(run, CommitMetadata(epoch=1, owner="dead", journal=10**6))
        async with running_member(stage.settings):
            await stage.outputs.until(lambda: len(stage.outputs.usage_of(run)) == 2)
        assert line in stage.outputs.usage_of(run)
