"""Outcomes: what a run leaves behind, for each way it can end."""

from datetime import UTC, datetime

import pytest

from streamproc.chain.answer import Answer
from streamproc.chain.call import Progress
from streamproc.chain.journal import MemoryJournal
from streamproc.chain.outcome import Outcome
from streamproc.chain.provider import Completed, Embeddings, Reasoning, Text
from streamproc.chain.run import Incoming, Run, Terminal
from streamproc.errors import (
    AnswerTooLong,
    BadRequest,
    BudgetRefused,
    Cancelled,
    DeadlinePassed,
    InvalidRequest,
    RetryBudgetSpent,
    RunError,
)
from streamproc.records.codec import decode_result, decode_usage
from streamproc.records.identity import RunId
from streamproc.records.result import Result, ResultReasoning
from streamproc.records.usage import TokenCounts, UsageLine
from tests.fakes import NOW, FakeClock, a_request, a_run

WHEN = datetime.fromtimestamp(NOW, UTC)
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def outcome(clock: FakeClock | None = None) -> Outcome:
    """Outcomes with room for a megabyte."""
    return Outcome(1_000_000, clock or FakeClock())


def a_line(number: int, *, cost: int | None, tokens: int | None = 5) -> UsageLine:
    """A usage line."""
    return UsageLine(
        usage_id=f"u/{number}", run_id="r", request_id="r-1", tenant="t", attempt=1, provider="p", model="m",
        tokens=TokenCounts(input=tokens, output=tokens), cost_nanos=cost, basis="estimated", price_version=None,
        input_hash="0", started_at=WHEN, ended_at=WHEN,
    )  # fmt: skip


def run_with(*lines: UsageLine) -> Run:
    """A run that has these lines so far."""
    return a_run(3, progress=Progress(1002, calls=len(lines), lines=list(lines)), trace=TRACE, replay_of="t/0/1@1")


def result_of(terminal: Terminal) -> Result:
    """The result among the records."""
    (record,) = [record for record in terminal.records if record.topic == "results"]
    return decode_result(record.value or b"")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (BudgetRefused("x"), "rejected", "budget_refused"),
        (DeadlinePassed("x"), "expired", "deadline_passed"),
        (Cancelled("x"), "cancelled", "cancelled_by_user"),
        (RetryBudgetSpent("x"), "failed", "retry_budget_spent"),
        (AnswerTooLong("x"), "failed", "answer_too_long"),
        (BadRequest("x", provider="p"), "failed", "bad_request"),
        (RunError("x"), "failed", "failed"),
    ],
)
def test_an_error_decides_the_status_of_its_run(error: RunError, status: str, code: str) -> None:
    """Class, code and sentence are in the result; a text that was begun is not; earlier calls are billed."""
    terminal = outcome().failed(run_with(a_line(1, cost=7)), error)
    result = result_of(terminal)
    assert result.status == status
    assert result.error is not None
    assert (result.error.error_class, result.error.code, result.error.sentence) == (type(error).__name__, code, "x")
    assert (result.text, result.finish_reason, result.chunk_count) == (None, None, 0)
    assert [record.topic for record in terminal.records] == ["results", "usage"]


def test_a_completed_run_has_its_answer_and_its_bill() -> None:
    """Identity, answer, chunks, timings and sums in the result; each line as a record of its own."""
    clock = FakeClock()
    run = run_with(a_line(1, cost=7), a_line(2, cost=8))
    answer = Answer("p", 100)
    answer.add(Text("hello"))
    clock.now += 4
    terminal = outcome(clock).completed(run, answer, Completed(None, "length"), 6, 1.5)
    result = result_of(terminal)
    assert (result.status, result.text, result.finish_reason, result.chunk_count) == ("completed", "hello", "length", 6)
    assert (result.run_id, result.request_id, result.attempt) == ("llm.requests/0/3@1", "r-1", 1002)
    assert (result.provider, result.model, result.calls) == ("p", "m", 2)
    assert (result.cost_nanos, result.input_tokens, result.output_tokens) == (15, 10, 10)
    assert result.timings is not None
    assert (result.timings.first_token_seconds, result.timings.total_seconds) == (1.5, 4.0)
    assert (result.replay_of, result.input_hash, result.error) == ("t/0/1@1", run.input_hash, None)
    assert (result.reasoning, result.tool_calls) == (None, None)
    usage = [record for record in terminal.records if record.topic == "usage"]
    assert [decode_usage(record.value or b"") for record in usage] == run.progress.lines
    assert {record.key for record in terminal.records} == {b"r-1"}
    assert {dict(record.headers)["traceparent"] for record in terminal.records} == {TRACE}


def test_signed_reasoning_and_vectors_are_in_the_result() -> None:
    """What a tool loop has to send back; vectors stand in the place of a text."""
    answer, clock = Answer("p", 100), FakeClock()
    answer.add(Reasoning("hm"))
    answer.add(Reasoning("", signature="s"))
    answer.add(Text("a"))
    result = result_of(outcome(clock).completed(run_with(), answer, Completed(None, "stop"), 0, None))
    assert (result.text, result.reasoning, result.embeddings) == ("a", "hm", None)
    assert result.reasoning_parts == [ResultReasoning(text="hm", signature="s")]
    vectors = Answer("p", 100)
    vectors.add(Embeddings(("AACAPw==",)))
    result = result_of(outcome(clock).completed(run_with(), vectors, Completed(None, "stop"), 0, None))
    assert (result.text, result.reasoning_parts, result.embeddings) == (None, None, ["AACAPw=="])


@pytest.mark.parametrize(
    ("lines", "cost", "tokens"),
    [
        ([], 0, 0),
        ([a_line(1, cost=0)], 0, 5),
        ([a_line(1, cost=7), a_line(2, cost=None)], None, 10),
        ([a_line(1, cost=7), a_line(2, cost=7, tokens=None)], 14, None),
    ],
)
def test_a_sum_with_one_unknown_is_unknown(lines: list[UsageLine], cost: int | None, tokens: int | None) -> None:
    """A run without calls cost nothing, and that is known; an unknown line makes the sum unknown."""
    result = result_of(outcome().failed(run_with(*lines), DeadlinePassed("x")))
    assert (result.cost_nanos, result.input_tokens, result.output_tokens) == (cost, tokens, tokens)


def test_a_sentence_has_an_end() -> None:
    """Also when a provider's has none."""
    result = result_of(outcome().failed(a_run(), BadRequest("x" * 10_000, provider="p")))
    assert result.error is not None
    assert len(result.error.sentence) == 2000


def incoming(key: bytes | None = b"k", value: bytes | None = b"?", tenant: str | None = None) -> Incoming:
    """A record as it came."""
    headers = (("replay_of", b"t/0/1@1"), ("traceparent", TRACE), ("own", None))
    return Incoming(RunId("t", 2, 7, 9), 7, key, value, headers, 5, MemoryJournal(), tenant)


def test_a_refused_record_has_a_result_and_a_dead_letter() -> None:
    """Both under its key; the letter holds it as it came, the result what is known of it."""
    error = InvalidRequest("no", code="not_json")
    terminal = outcome().refused(incoming(tenant="pinned"), None, error)
    result, letter = terminal.records
    decoded = decode_result(result.value or b"")
    assert (decoded.status, decoded.run_id, decoded.request_id, decoded.tenant) == (
        "rejected",
        "t/2/7@9",
        None,
        "pinned",
    )
    assert decoded.replay_of == "t/0/1@1"
    assert decoded.error is not None
    assert (decoded.error.error_class, decoded.error.code, decoded.error.sentence) == (
        "InvalidRequest",
        "not_json",
        "no",
    )
    assert (result.key, letter.key, letter.value) == (b"k", b"k", b"?")
    assert dict(letter.headers)["dlq.reason"] == b"no"
    assert dict(letter.headers)["dlq.run_id"] == b"t/2/7@9"


def test_a_refused_request_is_told_by_its_own_names() -> None:
    """Where the record could be read, the result has its request id and tenant."""
    refused = outcome().refused(incoming(), a_request(tenant="t9"), InvalidRequest("no"))
    result = result_of(refused)
    assert (result.request_id, result.tenant) == ("r-1", "t9")


@pytest.mark.parametrize("key", [None, b"x" * 20_000])
def test_a_result_always_has_a_key_of_reasonable_size(key: bytes | None) -> None:
    """The run id stands in for a key that is missing or huge."""
    result, letter = outcome().refused(incoming(key, None), None, InvalidRequest("no")).records
    assert result.key == b"t/2/7@9"
    assert (letter.key, letter.value) == (key, b"" if key is None else None)


def test_usage_alone_is_the_run_s_lines() -> None:
    """What a run that was cut off leaves behind."""
    run = run_with(a_line(1, cost=7), a_line(2, cost=None))
    assert [decode_usage(record.value or b"") for record in outcome().usage(run)] == run.progress.lines
