"""What is left of former owners: each call has one bill at most, whatever the order of its notes."""

import pytest
from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from streamproc.kafka.inherited import note_key, record_of
from streamproc.records.journal import CallEnded, Note
from streamproc.records.usage import Saved, TokenCounts
from tests.lines import a_line, a_result
from tests.unit.kafka.inherited_rig import BILL, BOUND, ID, Journal, completed, ended, started


def test_a_call_that_nobody_ended_is_billed_at_its_bound() -> None:
    """Two copies of its note say nothing new."""
    journal = Journal(started(), started())
    assert journal.unbilled == {ID: (BOUND, False)}
    call = journal.inherited.unbilled[ID]
    assert (call.note, call.timestamp_ms, call.offset, call.owner) == (100, 100_000, 5, "dead")
    assert repr(journal.inherited) == "Inherited(unbilled=1, runs=1)"


def test_a_call_that_ended_has_its_own_bill() -> None:
    """Also when its first note is not there any more."""
    assert Journal(started(), ended()).unbilled == {ID: (BILL, True)}
    assert Journal(ended()).unbilled == {ID: (BILL, True)}


def test_a_call_that_was_never_made_has_none() -> None:
    """And none that cost nothing."""
    assert Journal(started(), ended(None)).unbilled == {}


@given(
    st.permutations([started(), started(), ended(), ended()]), st.integers(0, 4), st.booleans(), st.booleans()
)  # fmt: skip
def test_the_order_of_notes_and_their_copies_say_nothing(
    notes: list[Note], bill_after: int, is_finished: bool, is_free: bool
) -> None:
    """In any order, of a run that is finished or not, with its bill published in between: one bill or none is left.

    A copy of the first note behind an `ended` that has no bill once made a bill of a finished run's call.
    """
    journal = Journal(position=6 if is_finished else 5)
    for number, note in enumerate(notes):
        if number == bill_after:
            journal.inherited.resolve([ID])
        journal.add(note.model_copy(update={"line": None}) if is_free and isinstance(note, CallEnded) else note)
    assert journal.unbilled == ({ID: (BILL, True)} if bill_after == 4 and not is_free else {})
    if not is_finished:
        assert journal.history.crashes == 0


def test_the_end_of_a_call_that_was_billed_changes_nothing() -> None:
    """Its bill is the bound then: a usage line is never changed, and there is one for each call."""
    journal = Journal(started())
    journal.inherited.resolve([ID])
    journal.add(ended())
    assert journal.unbilled == {}
    assert journal.history.crashes == 0


def test_the_position_is_the_lowest_note_that_is_needed() -> None:
    """Of runs that are not finished, and of calls that have no bill yet."""
    journal = Journal()
    journal.add(started(a_line("llm.requests/0/7@1")), offset=7)
    journal.add(started(), ended(), offset=5)
    seven = "llm.requests/0/7@1/1000/1"
    assert journal.position() == 100
    assert journal.position(7) == 100
    assert journal.position(7, billed=(seven,)) == 101
    journal.inherited.resolve([seven])
    assert journal.position() == 100
    journal.inherited.finish([7], 5)
    assert journal.position() == 101
    assert journal.position(5) == 101
    journal.inherited.resolve([ID])
    assert journal.position() == 101
    assert journal.position(5) is None


def test_notes_that_come_late_hold_nothing_back() -> None:
    """A run was finished, and then its former owner's last word came.

    The run was taken for unfinished again, for ever: the journal had to be read from there by every later owner.
    """
    journal = Journal(started())
    journal.inherited.resolve([ID])
    journal.inherited.finish([5], 6)
    journal.add(ended(), *completed(a_result()))
    assert journal.position() is None


def test_records_that_kafka_deleted_hold_nothing_back() -> None:
    """Retention took the request before it was read, so nobody will ever say that it is finished."""
    journal = Journal(started(), ended(None))
    assert journal.position() == 100
    journal.inherited.finish([8], 9)
    assert journal.position() is None


def test_notes_name_their_record() -> None:
    """Several request topics share the journal."""
    key = TopicPartition("llm.requests", 3)
    assert record_of(note_key(key, 4711), key) == 4711
    assert record_of(note_key(TopicPartition("llm.requests", 33), 1), key) is None
    assert record_of(note_key(TopicPartition("other", 3), 1), key) is None


@pytest.mark.parametrize(
    "key", [None, b"", b"llm.requests/3", b"llm.requests/3/", b"llm.requests/3/x", b"llm.requests/3/-1", b"\xff/3/1",
            b"llm.requests/3/\xd9\xa1", b"llm.requests/3/" + b"9" * 5000]
)  # fmt: skip
def test_a_record_of_somebody_else_is_no_note(key: bytes | None) -> None:
    """Whoever may write to the journal by mistake does not stop a claim."""
    assert record_of(key, TopicPartition("llm.requests", 3)) is None


def test_what_the_cache_gave_is_billed_with_its_answer_and_never_alone() -> None:
    """Its line is no call's: without the answer it has saved nothing, and another owner's answer is not from there."""
    saved = Saved(state="hit", tokens=TokenCounts(input=1), nanos=5)
    line = a_line(call=2, basis="cache", cost_nanos=0, saved=saved)
    note = ended(line, line.usage_id)
    assert Journal(note).unbilled == {}
    assert Journal(note).history.bills == ()
    assert Journal(note, *completed(a_result())).history.bills == (line,)
    assert Journal(note, *completed(a_result(), owner="another")).history.bills == ()
    assert Journal(note, ended(), *completed(a_result())).history.bills == (line, BILL)
    assert Journal(note).history.last_attempt == 1000
    assert Journal(note).history.crashes == 0
