"""The outcome of a run that is deferred, and the sums of one that was."""

from streamproc.chain.begin import progress_of
from streamproc.chain.call import Progress
from streamproc.chain.journal import MemoryJournal
from streamproc.chain.run import Incoming
from streamproc.errors import DeadlinePassed
from streamproc.records.codec import decode_usage
from streamproc.records.deferral import deferral_of
from streamproc.records.headers import replay_of, trace_of
from tests.fakes import NOW, a_request, a_run
from tests.unit.chain.test_outcome import TRACE, a_line, outcome, result_of


def test_a_deferred_run_takes_everything_along() -> None:
    """Its calls so far are billed at once; should it be deferred once more, only those since are."""
    before, since = a_line(1, cost=7), a_line(2, cost=8)
    progress = Progress(1002, 2, 1, 3, [since], 15, 1, (before,))
    run = a_run(3, progress=progress, trace=TRACE, replay_of="t/0/1@1", not_before=NOW + 60, tenant="pinned")
    terminal = outcome().deferred(run)
    assert terminal is not None
    record, bill = terminal.records
    assert (record.topic, bill.topic, decode_usage(bill.value or b"")) == ("deferred", "usage", since)
    assert (trace_of(record.headers), replay_of(record.headers)) == (TRACE, "t/0/1@1")
    deferral = deferral_of(record.headers, 0)
    assert (deferral.run_id, deferral.tenant) == (str(run.id), "pinned")
    assert (deferral.not_before, deferral.deadline) == (run.not_before, run.deadline)
    again = progress_of(Incoming(run.id, 9, None, record.value, (), 0, MemoryJournal(), deferral=deferral))
    assert again == Progress(1003, 2, 1, 3, [], 15, 1, (before, since))


def test_a_result_sums_up_what_was_billed_before() -> None:
    """And publishes only what was not."""
    run = a_run(progress=Progress(1, lines=[a_line(2, cost=8)], billed=(a_line(1, cost=7),)))
    terminal = outcome().failed(run, DeadlinePassed("x"))
    result = result_of(terminal)
    assert (result.cost_nanos, result.input_tokens) == (15, 10)
    assert [record.topic for record in terminal.records] == ["results", "usage"]


def test_a_run_too_large_for_a_record_is_not_deferred() -> None:
    """A record that Kafka refuses would stop its partition."""
    request = a_request(messages=[{"role": "user", "content": "x" * 985_000}])
    assert outcome().deferred(a_run(request=request)) is None
    assert outcome().deferred(a_run(request=a_request(messages=[{"role": "user", "content": "x" * 980_000}])))
