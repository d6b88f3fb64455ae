"""How a run begins: nothing that was used up is forgotten, and nothing is counted twice."""

from typing import Any

from streamproc.chain.begin import progress_of, times_of
from streamproc.chain.call import Progress
from streamproc.chain.journal import MemoryJournal
from streamproc.chain.run import History, Incoming
from streamproc.chain.schedule import ScheduleRules
from streamproc.records.deferral import Deferral
from streamproc.records.identity import RunId
from tests.fakes import NOW, a_request
from tests.unit.chain.test_outcome import a_line

RULES = ScheduleRules(default_deadline_seconds=600, max_deadline_seconds=3600, max_not_before_seconds=900)
LINES = (a_line(1, cost=7),)
DEFERRAL = Deferral(
    run_id="t/0/1@1", tenant="t", attempt=9000, not_before=NOW + 5000, deadline=NOW + 9000, spent_nanos=10, calls=2,
    lost_attempts=1, waits=4, crashes=1, lines=LINES,
)  # fmt: skip


def incoming(**fields: Any) -> Incoming:
    """A record, claimed with epoch 5."""
    return Incoming(RunId("t", 0, 1, 1), 1, b"k", b"{}", (), 5, MemoryJournal(), **fields)


def test_a_run_begins_with_what_former_owners_left() -> None:
    """Its attempts are higher than theirs, and what they spent is spent."""
    assert progress_of(incoming()) == Progress(5000)
    history = History(last_attempt=7000, crashes=2, spent_nanos=30)
    assert progress_of(incoming(history=history)) == Progress(7001, spent_nanos=30, crashes=2)


def test_a_deferred_run_goes_on_where_it_was() -> None:
    """Under a higher attempt. Its bill is published, so it is known and not owed."""
    expected = Progress(9001, 2, 1, 4, [], 10, 1, LINES)
    assert progress_of(incoming(deferral=DEFERRAL)) == expected


def test_a_deferred_run_that_was_begun_by_others_counts_both() -> None:
    """What happened before it was deferred, and since."""
    progress = progress_of(incoming(deferral=DEFERRAL, history=History(last_attempt=9500, crashes=1, spent_nanos=30)))
    assert (progress.attempt, progress.crashes, progress.spent_nanos) == (9501, 2, 40)


def test_a_deferral_changes_no_time() -> None:
    """The bounds held when the request was taken; a default deadline does not begin anew."""
    request = a_request(not_before="2035-01-01T00:00:00Z")
    assert times_of(incoming(deferral=DEFERRAL), request, NOW, RULES) == (NOW + 5000, NOW + 9000)
    assert times_of(incoming(), a_request(), NOW, RULES) == (0, NOW + 600)
