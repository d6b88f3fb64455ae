"""An assignment's commits: results and offset together, once, also when nobody can say what a broken one did."""

import asyncio
import random

import pytest
from aiokafka import TopicPartition

from streamproc.kafka.assignment import State
from streamproc.kafka.metadata import CommitMetadata
from streamproc.observe.events import PublishBroke
from streamproc.records.identity import RunId
from streamproc.records.outgoing import Outgoing
from tests.fakes import MemoryTransactor, a_claim, an_assignment
from tests.unit.kafka.assignment_rig import AssignmentRig


async def test_records_and_offset_are_one_transaction() -> None:
    """A run behind an unfinished head moves no offset, only the map beside it; then the head moves both."""
    rig = AssignmentRig()
    rig.finish(6)
    await rig.commit()
    await rig.commit()
    assert rig.stored == [((b"v6",), 5, CommitMetadata(7, frozenset({1}), "me", 0))]
    rig.finish(5)
    await rig.commit()
    assert rig.stored[1:] == [((b"v5",), 7, CommitMetadata(7, frozenset(), "me", 0))]


async def test_what_does_not_fit_into_a_transaction_goes_into_the_next() -> None:
    """All that was finished went into one: after a broker's absence that was a transaction of any size.

    A run that is larger than the bound by itself is stored all the same.
    """
    rig = AssignmentRig()
    rig.assignment.offsets.track(7)
    for offset in (6, 7, 5):
        rig.finish(offset)
    await rig.commit(max_bytes=len(b"k" + b"v5") * 2)
    assert rig.stored == [
        ((b"v6", b"v7"), 5, CommitMetadata(7, frozenset({1, 2}), "me", 0)),
        ((b"v5",), 8, CommitMetadata(7, frozenset(), "me", 0)),
    ]
    rig = AssignmentRig()
    for offset in (5, 6):
        rig.finish(offset)
    await rig.commit(max_bytes=1)
    assert [values for values, _, _ in rig.stored] == [(b"v5",), (b"v6",)]


async def test_bills_of_lost_calls_are_bounded_with_the_runs() -> None:
    """A worker that died in hundreds of calls leaves as many lines."""
    rig = AssignmentRig()
    rig.finish(5)
    for number in range(3):
        rig.assignment.bill_lost(str(number), Outgoing("usage", b"k", b"b%d" % number, ()))
    await rig.commit(max_bytes=6)
    assert [values for values, _, _ in rig.stored] == [(b"v5", b"b0"), (b"b1", b"b2")]
    assert rig.assignment.lost == {}


async def test_a_portion_whose_map_is_too_long_waits_for_no_head_that_is_finished() -> None:
    """The first part of what is finished left holes that no metadata holds, and the head came behind it.

    It would have been the first part again and again.
    """
    rig = AssignmentRig()
    random.seed(7)
    for offset in range(7, 60_000):
        rig.assignment.offsets.track(offset)
    for offset in [*random.sample(range(7, 60_000), 20_000), 5, 6]:
        rig.finish(offset)
    rest = set(range(7, 60_000)) - rig.assignment._unpublished.all().offsets
    for offset in rest:
        rig.finish(offset)
    await rig.commit(max_bytes=100_000)
    assert rig.stored[-1][1] == 60_000


async def test_a_transaction_that_breaks_is_the_last_of_its_commit() -> None:
    """The others wait for the claim, too."""
    rig = AssignmentRig()
    rig.transactor.breaks = "before"
    for offset in (5, 6):
        rig.finish(offset)
    await rig.commit(max_bytes=1)
    assert (rig.stored, rig.assignment.state) == ([], State.CLAIMING)
    rig.claim_again()
    await rig.commit(max_bytes=1)
    assert [values for values, _, _ in rig.stored] == [(b"v5",), (b"v6",)]


async def test_what_a_broken_transaction_did_not_store_is_stored_after_the_next_claim() -> None:
    """Nothing is lost: the records wait in the assignment, which takes no more until it is claimed again."""
    rig = AssignmentRig()
    rig.transactor.breaks = "before"
    rig.finish(6)
    await rig.commit()
    assert (rig.assignment.state, rig.stored) == (State.CLAIMING, [])
    assert isinstance(rig.seen.happenings[0], PublishBroke)
    rig.finish(5)
    await rig.commit()  # the broken one is not used again
    assert rig.stored == []
    await rig.assignment.let_go()
    assert rig.transactor.stopped
    rig.claim_again()
    await rig.commit()
    assert sorted(value or b"" for value in rig.values) == [b"v5", b"v6"]
    assert rig.stored[-1][1:] == (7, CommitMetadata(8, frozenset(), "me", 0))


async def test_what_a_broken_transaction_did_store_is_not_stored_again() -> None:
    """Its answer was lost, so only the claim tells that it was done: by the map, or by the offset."""
    rig = AssignmentRig()
    rig.transactor.breaks = "after"
    rig.finish(6)
    await rig.commit()
    rig.finish(5)
    again = rig.claim_again()
    again.breaks = "after"
    await rig.commit()
    rig.claim_again()
    await rig.commit()
    assert rig.values == [b"v6", b"v5"]
    assert rig.assignment.offsets.position == 7


async def test_what_a_broken_transaction_did_store_needs_its_notes_no_more() -> None:
    """The answer to a commit was lost, and the next claim found it stored.

    The run was dropped from what waits, and its place in the journal was not: the journal's position stood still as
    long as the worker kept the partition, and whoever came next had to read weeks of notes before its first request.
    """
    rig = AssignmentRig()
    journal = rig.assignment.journal
    for offset in (5, 6):
        journal.of(RunId("llm.requests", 0, offset, 1), offset).ended("a", None, "x")
    rig.transactor.breaks = "after"
    rig.finish(5)
    await rig.commit()
    journal.begin_at(40)
    rig.claim_again()
    rig.finish(6)
    await rig.commit()
    assert rig.stored[-1] == ((b"v6",), 7, CommitMetadata(8, frozenset(), "me", 40))


async def test_a_commit_that_is_cancelled_leaves_its_producer_of_no_use() -> None:
    """What is half done must not be ended by a commit that follows it."""
    rig = AssignmentRig()
    rig.transactor.breaks = "hangs"
    rig.finish(5)
    committing = asyncio.create_task(rig.commit())
    await asyncio.sleep(0)
    committing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await committing
    rig.transactor.breaks = None
    await rig.commit()
    assert len(rig.stored) == 1


def test_a_claim_of_somebody_else_in_between_is_noticed() -> None:
    """An owner that is not this assignment says that its runs were given to another worker."""
    rig = AssignmentRig()
    mine = a_claim(rig.transactor, 5, CommitMetadata(9), rig.assignment.owner)
    assert rig.assignment.continues(mine)
    assert not rig.assignment.continues(mine._replace(former_owner="other"))
    assert not rig.assignment.continues(mine._replace(former_owner=""))


def test_a_first_claim_that_must_be_made_twice_takes_nothing_for_known() -> None:
    """The fate of the first one was not known, and it had been stored: the second one finds its own name."""
    fresh = an_assignment()
    again = a_claim(MemoryTransactor([]), 5, CommitMetadata(9), fresh.owner)
    assert not fresh.continues(again)
    fresh.claimed(again)
    assert fresh.offsets.position == 5


async def test_a_map_near_its_bound_stops_the_window_until_the_head_is_done() -> None:
    """A map that cannot be stored would have finished requests done again; so nothing is taken that it must name."""
    rig = AssignmentRig()
    chosen = random.Random(1)
    for offset in range(7, 40_000):
        rig.assignment.offsets.track(offset)
        if chosen.random() < 0.5:
            rig.finish(offset)
    assert rig.assignment.has_room(50_000)
    await rig.commit()
    assert not rig.assignment.has_room(50_000)
    assert rig.stored == []
    for offset in range(5, 39_990):
        rig.finish(offset)
    await rig.commit()
    assert len(rig.stored) == 1
    assert rig.assignment.has_room(50_000)
    assert not rig.assignment.has_room(5)


def test_its_name_tells_its_state() -> None:
    """For logs and failed waits."""
    assert repr(AssignmentRig().assignment).startswith(
        "Assignment(llm.requests/0, ready, epoch=7, running=0, unpublished=0"
    )
    assert AssignmentRig().assignment.key == TopicPartition("llm.requests", 0)
