"""An assignment's commits wait for the journal: no answer is published before its note is stored."""

import asyncio

from streamproc.kafka.commit_rules import CommitRules
from streamproc.records.outgoing import Outgoing
from tests.fakes import eventually
from tests.unit.kafka.assignment_rig import AssignmentRig


async def test_an_answer_is_published_when_it_is_in_the_journal() -> None:
    """A crash before that would have it bought again under the same attempt, and readers would see two answers.

    It holds up what was finished after it, and no bill of a lost call.
    """
    rig = AssignmentRig()
    rig.finish(6)
    rig.answer(5)
    rig.assignment.bill_lost("a", Outgoing("usage", b"k", b"b", ()))
    await rig.commit()
    assert rig.values == [b"v6", b"b"]
    await rig.store_notes()
    await rig.commit()
    assert rig.values == [b"v6", b"b", b"v5"]


async def test_an_answer_leaves_as_soon_as_it_is_in_the_journal() -> None:
    """The commit that its end called for waits for that: no other run may come that would call for the next one."""
    rig = AssignmentRig()
    rig.answer(5)
    committing = asyncio.create_task(
        rig.assignment.commit_forever(rig.clock, rig.seen, CommitRules(0.0, 0.0, 2**20), [1])
    )
    await asyncio.sleep(0.01)
    assert rig.values == []
    await rig.store_notes()
    await eventually(lambda: rig.values == [b"v5"])
    committing.cancel()
