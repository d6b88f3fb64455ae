"""What is known of a run that a former owner did not finish: attempts, crashes, costs and its answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.chain.run import History
from streamproc.kafka.lost import due_calls
from streamproc.records.codec import decode_result
from streamproc.records.journal import Note
from streamproc.records.terminal import result_records
from tests.lines import a_line, a_result
from tests.unit.kafka.inherited_rig import BILL, ID, RUN, Journal, completed, ended, started


def test_a_history_counts_owners_whose_calls_were_lost() -> None:
    """Two lost calls of one owner are one crash; an owner that said how its call ended has not crashed."""
    lines = [a_line(call=number, basis="upper_bound") for number in (1, 2, 3)]
    journal = Journal(started(lines[0], "a"), started(lines[1], "a"), started(lines[2], "b"))
    assert journal.history.crashes == 2
    journal.add(ended(None, lines[2].usage_id, "b"))
    assert journal.history.crashes == 1


def test_a_history_knows_the_highest_attempt() -> None:
    """Of calls, however they ended, and of answers."""
    assert Journal().history == History()
    journal = Journal(started(), started(a_line(attempt=3000), "b"), started(a_line(attempt=2000), "c"))
    assert journal.history.last_attempt == 3000
    journal.add(*completed(a_result(attempt=4001)))
    assert journal.history.last_attempt == 4001


@pytest.mark.parametrize(
    ("end", "spent"),
    [
        ([], 90_000),
        ([ended(None)], 0),
        ([ended(BILL)], 23_000),
        ([ended(a_line(basis="estimated"))], 90_000),
        ([ended(a_line(cost_nanos=None))], 0),
    ],
)
def test_a_history_knows_what_was_spent_at_most(end: list[Note], spent: int) -> None:
    """A budget holds over owners as in one: what the provider told counts, and of an estimate the bound.

    The estimate itself was once counted, which may be too low: the request could then cost more than it allows.
    """
    assert Journal(started(), *end).history.spent_nanos == spent
    assert Journal(*end, started()).history.spent_nanos == spent


def test_costs_of_all_calls_are_added() -> None:
    """Lost ones and others, of all owners."""
    other = a_line(attempt=2000, basis="upper_bound", cost_nanos=5)
    assert Journal(started(), ended(), started(other, "b")).history.spent_nanos == 23_005


def test_an_answer_is_remembered_as_it_was() -> None:
    """Whole in one note."""
    assert Journal(*completed(a_result(text="whole"))).history.answer == a_result(text="whole")


@given(st.permutations(range(10)), st.lists(st.integers(0, 9), max_size=4))
def test_an_answer_in_parts_is_joined(order: list[int], again: list[int]) -> None:
    """In any order, some of them twice."""
    answer = a_result(text="abc" * 3000)
    parts = [decode_result(part.value or b"") for part in result_records(answer, None, None, 12_200)]
    assert len(parts) == 10
    journal = Journal(*completed(*(parts[number] for number in [*order, *again])))
    assert journal.history.answer == answer


@pytest.mark.parametrize("missing", [0, 1, 9])
def test_an_answer_that_is_not_whole_is_none(missing: int) -> None:
    """Its owner died between the parts: the call is made once more. One part twice does not stand for another."""
    answer = a_result(text="abc" * 3000)
    parts = [decode_result(part.value or b"") for part in result_records(answer, None, None, 12_200)]
    there = [part for part in parts if part.part != missing]
    assert Journal(*completed(*there, *there)).history.answer is None


def test_the_whole_answer_of_the_highest_attempt_counts() -> None:
    """A higher one that is not whole stands back."""
    low, high = a_result(text="low"), a_result(attempt=2000, text="high")
    broken = a_result(attempt=3000, text="", parts=2)
    assert Journal(*completed(high, low, broken)).history.answer == high


@pytest.mark.parametrize("is_late", [False, True])
def test_an_answer_behind_whose_back_a_later_attempt_began_is_none(*, is_late: bool) -> None:
    """A frozen owner woke up and gave its answer, while the next owner streamed the run anew, and was cut off in its turn.

    The third one published the first one's answer: readers had the second one's tokens, and a result of a lower attempt.
    """
    later = started(a_line(attempt=2000, basis="upper_bound"))
    notes: list[Note] = [started(), ended(), *completed(a_result())]
    journal = Journal(*notes, later) if is_late else Journal(later, *notes)
    assert (journal.history.answer, journal.history.last_attempt) == (None, 2000)
    assert ID in due_calls(journal.inherited, 0, 1000)  # it is billed on its own
    journal.add(*completed(a_result(attempt=2000, text="again")))
    assert journal.history.answer == a_result(attempt=2000, text="again")


def test_an_answer_that_was_given_keeps_its_bills() -> None:
    """A later attempt whose note comes only now changes nothing: its bills are on their way with it."""
    journal = Journal(started(), ended(), *completed(a_result()))
    assert journal.history.answer == a_result()
    journal.add(started(a_line(attempt=2000, basis="upper_bound")))
    assert journal.history.answer == a_result()
    assert due_calls(journal.inherited, 0, 1000) == {}


def test_a_topic_that_was_made_anew_has_other_runs() -> None:
    """Its offsets begin again: the calls of the old run at the same offset are billed, and are no history of the new."""
    old = a_line("llm.requests/0/5@0", basis="upper_bound")
    journal = Journal(started(old), *completed(a_result("llm.requests/0/5@0", attempt=9000)))
    assert journal.history == History()
    assert journal.unbilled == {old.usage_id: (old, False)}
    assert journal.position() == 100
    journal.inherited.finish([5], 6)
    assert journal.position(billed=(old.usage_id,)) is None


@pytest.mark.parametrize(("position", "done"), [(6, ()), (4, (5,))])
def test_a_finished_run_has_no_history(position: int, done: tuple[int, ...]) -> None:
    """Whether the offset or the map says so. Its calls may still lack a bill."""
    journal = Journal(started(), *completed(a_result()), position=position, done=done)
    assert journal.history == History()
    assert list(journal.unbilled) == [ID]
    assert journal.position() == 100
    assert journal.position(billed=(ID,)) is None


def test_an_answer_takes_along_the_bills_of_its_run() -> None:
    """Of calls that ended, as far as they are not published. A lost one is billed by itself when its time is over."""
    lost, free, known = a_line(call=2, basis="upper_bound"), a_line(call=3), a_line(call=4)
    journal = Journal(started(), ended(), started(lost), started(free), ended(None, free.usage_id))
    journal.add(ended(known, known.usage_id))
    journal.inherited.resolve([known.usage_id])
    assert (journal.inherited.answered, journal.history.bills) == ({}, (BILL,))
    journal.add(*completed(a_result()))
    assert list(journal.inherited.answered) == [ID]
    assert journal.history.bills == (BILL,)
    assert list(due_calls(journal.inherited, 10**12, 1000)) == [lost.usage_id]


def test_the_bills_of_an_answer_that_was_not_taken_are_published_all_the_same() -> None:
    """Its request was refused this time: the calls were made, and are due on their own when the run is over."""
    journal = Journal(started(), ended(), *completed(a_result()))
    assert due_calls(journal.inherited, 10**12, 1000) == {}
    journal.inherited.finish([5], 6)
    assert list(due_calls(journal.inherited, 10**12, 1000)) == [ID]


def test_an_answer_leaves_bills_alone_that_are_on_their_way() -> None:
    """They were due before the answer's note came; a slow commit has them, and with the answer they would come twice."""
    journal = Journal(started(), ended())
    assert list(due_calls(journal.inherited, 10**12, 1000)) == [ID]
    journal.add(*completed(a_result()))
    history = journal.inherited.history(5, RUN, {ID})
    assert (history.answer, history.bills) == (a_result(), ())
