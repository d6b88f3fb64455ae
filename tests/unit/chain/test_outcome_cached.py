"""What a run leaves behind that was answered by the cache."""

from streamproc.chain.answer import Answer
from streamproc.chain.call import Progress
from streamproc.chain.outcome import Outcome
from streamproc.chain.provider import Completed, Text
from streamproc.chain.run import Run
from streamproc.records.codec import decode_result, decode_usage
from streamproc.records.result import Result
from streamproc.records.usage import CacheState, Saved, TokenCounts, UsageLine
from tests.fakes import FakeClock, a_run
from tests.lines import a_line

LOST = a_line(call=1, basis="estimated", reason="disconnected")


def saving(state: CacheState, call: int) -> UsageLine:
    """A line of the cache."""
    saved = Saved(state=state, tokens=TokenCounts(input=3, output=4), nanos=9)
    nothing = TokenCounts(input=0, output=0)
    return a_line(call=call, basis="cache", cost_nanos=0, tokens=nothing, saved=saved)


def result_of(run: Run) -> Result:
    """The result of a complete answer."""
    answer = Answer("p", 100)
    answer.add(Text("a"))
    terminal = Outcome(10**6, FakeClock()).completed(run, answer, Completed(None, "stop"), 3, 0.1)
    return decode_result(terminal.records[0].value or b"")


def test_the_result_tells_where_the_answer_came_from() -> None:
    """Calls are those to providers, and the sums are of what was bought."""
    run = a_run(progress=Progress(1000, calls=1, lines=[saving("coalesced", 1)]))
    result = result_of(run)
    assert (result.cache, result.calls, result.cost_nanos, result.input_tokens) == ("coalesced", 0, 0, 0)


def test_a_call_that_was_lost_before_is_counted() -> None:
    """Then the provider was away, and an equal run's answer came."""
    result = result_of(a_run(progress=Progress(1000, calls=2, lines=[LOST, saving("hit", 2)])))
    assert (result.cache, result.calls, result.cost_nanos) == ("hit", 1, LOST.cost_nanos)
    assert result_of(a_run(progress=Progress(1000, calls=1, lines=[LOST]))).cache is None


def test_a_run_that_begins_again_elsewhere_leaves_its_calls_and_no_savings() -> None:
    """They would be told twice: its next owner gives it an answer once more."""
    run = a_run(progress=Progress(1000, calls=2, lines=[LOST, saving("hit", 2)]))
    (record,) = Outcome(10**6, FakeClock()).abandoned(run)
    assert decode_usage(record.value or b"") == LOST
