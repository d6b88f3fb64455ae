"""A checker that cannot fail would be a defect: every kind of trouble is made up once, and counted."""

from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.checker import Counts, Estimates, bought_twice, count, estimates
from tests.chaos.evidence import (
    Committed,
    Evidence,
    SentRequest,
    ServedCall,
    StoredChunk,
    StoredResult,
    StoredUsage,
)

STREAMED, WHOLE = "requests/0/0@1000", "requests/0/1@1000"
TEXT = "one two three "


def chunks(attempt: int, text: str = TEXT, *, run: str = STREAMED) -> tuple[StoredChunk, ...]:
    """An attempt as it should be, with its text in two pieces."""
    pieces = [("start", ""), ("text", text[:5]), ("text", text[5:]), ("end", "")]
    return tuple(StoredChunk(run, 0, 1500, attempt, seq, kind, piece) for seq, (kind, piece) in enumerate(pieces))


RESULT = StoredResult(STREAMED, 0, 2000, "completed", 7000, TEXT, 4)
OTHER = StoredResult(WHOLE, 0, 2100, "completed", 7000, TEXT, 0)
GOOD = Evidence(
    requests=(SentRequest(STREAMED, 0, 0, 3, is_streamed=True), SentRequest(WHOLE, 0, 1, 3, is_streamed=False)),
    results=(RESULT, OTHER),
    usage=(StoredUsage(f"{STREAMED}/7000/1", STREAMED, "provider"), StoredUsage(f"{WHOLE}/7000/1", WHOLE, "provider")),
    chunks=chunks(7000),
    calls=(ServedCall(f"{STREAMED}/7000/1", "completed"), ServedCall(f"{WHOLE}/7000/1", "completed")),
    committed=(Committed(1900, 0, 0), Committed(2050, 0, 1), Committed(2200, 0, 2)),
    last={0: Committed(2200, 0, 2)},
)


def counted(**changes: Any) -> dict[str, int]:
    """What is wrong with the good evidence, changed so."""
    return dict(count(replace(GOOD, **changes)).faults)


def test_nothing_is_wrong_with_a_good_run() -> None:
    """All counts are zero, and the line says so."""
    assert count(GOOD) == Counts()
    assert str(count(GOOD)).startswith("lost=0 doubled=0 unaccounted=0 ")


def test_a_lost_result() -> None:
    """A request without one, and one that lacks a part."""
    assert counted(results=(OTHER,), committed=()) == {"lost": 1}
    half = RESULT._replace(parts=2)
    assert counted(results=(half, OTHER)) == {"lost": 1}
    assert counted(results=(half._replace(text=TEXT[:4]), half._replace(part=1, text=TEXT[4:]), OTHER)) == {}


def test_a_doubled_result() -> None:
    """Also when both say the same; three of one run are two too many."""
    assert counted(results=(*GOOD.results, RESULT)) == {"doubled": 1}
    assert counted(results=(*GOOD.results, RESULT, RESULT._replace(attempt=9000))) == {"doubled": 2}


def test_a_call_without_its_usage_line() -> None:
    """A line that is missing; a call that was cut or cancelled costs, too; an error does not."""
    assert counted(usage=GOOD.usage[:1]) == {"unaccounted": 1}
    for outcome, missing in (("cut", 1), ("cancelled", 1), ("server_error", 0)):
        calls = (*GOOD.calls, ServedCall(f"{STREAMED}/6000/1", outcome))
        assert counted(calls=calls).get("unaccounted", 0) == missing


def test_a_call_that_was_made_twice_under_one_name() -> None:
    """One line cannot stand for both."""
    assert counted(calls=(*GOOD.calls, GOOD.calls[0])) == {"unaccounted": 1}


def test_calls_without_names_are_only_counted() -> None:
    """Against the lines that belong to no named call."""
    nameless = tuple(call._replace(name=None) for call in GOOD.calls)
    assert counted(calls=nameless) == {}
    assert counted(calls=nameless, usage=GOOD.usage[1:]) == {"unaccounted": 1}
    assert counted(calls=(nameless[0], GOOD.calls[1]), usage=GOOD.usage[1:]) == {"unaccounted": 1}


def test_a_doubled_usage_line() -> None:
    """The same id twice."""
    assert counted(usage=(*GOOD.usage, GOOD.usage[0])) == {"doubled_usage": 1}


def test_a_line_for_a_call_that_the_provider_never_saw() -> None:
    """The bound of a lost call may stand there: nobody can tell how far that call came."""
    stray = StoredUsage(f"{STREAMED}/8000/1", STREAMED, "estimated")
    assert counted(usage=(*GOOD.usage, stray)) == {"overcounted": 1}
    assert counted(usage=(*GOOD.usage, stray._replace(basis="upper_bound"))) == {}


BILLED = tuple(call._replace(cost_nanos=5000) for call in GOOD.calls)
LINES = tuple(line._replace(cost_nanos=5000) for line in GOOD.usage)


def test_a_line_that_is_not_the_providers_bill() -> None:
    """A nano-dollar too much or too little, or no cost at all; with the provider's own figures all are known."""
    assert counted(calls=BILLED, usage=LINES) == {}
    for cost in (4999, 5001, None):
        assert counted(calls=BILLED, usage=(LINES[0]._replace(cost_nanos=cost), LINES[1])) == {"mispriced": 1}


@pytest.mark.parametrize("basis", ["upper_bound", "estimated"])
def test_a_bound_that_is_none(basis: str) -> None:
    """Budgets count the most that a call can have cost: where that is below the bill, a cap could be passed."""
    line = LINES[0]._replace(basis=basis)
    for cost, most, understated in (
        (4999, None, 1),
        (4999, 4999, 1),
        (4999, 5000, 0),
        (5000, None, 0),
        (None, None, 0),
    ):
        usage = (line._replace(cost_nanos=cost, most_nanos=most), LINES[1])
        assert counted(calls=BILLED, usage=usage).get("understated", 0) == understated


def test_estimates_beside_the_bill() -> None:
    """Only of streams that the provider saw end early; a completed call that nobody heard of was counted to its end."""
    assert str(estimates(GOOD)) == "none"
    usage = tuple(line._replace(basis="estimated", cost_nanos=4900) for line in LINES)
    cut = (BILLED[0]._replace(outcome="cut"), BILLED[1])
    assert estimates(replace(GOOD, calls=BILLED, usage=usage)) == Estimates()
    assert estimates(replace(GOOD, calls=cut, usage=usage)) == Estimates(1, 4900, 5000)
    unknown = (usage[0]._replace(cost_nanos=None), usage[1])
    assert estimates(replace(GOOD, calls=cut, usage=unknown)) == Estimates()
    assert str(Estimates(1, 4900, 5000)) == "1, together -2.0% beside the provider's bill for them"


def test_records_of_nobodys_run() -> None:
    """A result, and a usage line."""
    assert counted(results=(*GOOD.results, RESULT._replace(run_id="requests/0/9@1000"))) == {"strange": 1}
    strange = StoredUsage("requests/0/9@1000/7000/1", "requests/0/9@1000", "upper_bound")
    assert counted(usage=(*GOOD.usage, strange)) == {"strange": 1}


def test_a_result_that_failed() -> None:
    """The provider has no faults in a chaos run, so nothing may fail."""
    assert counted(results=(RESULT._replace(status="failed"), OTHER)) == {"not_completed": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"results": (RESULT._replace(text="one two "), OTHER)},
        {"results": (RESULT, OTHER._replace(text=None))},
        {"results": (RESULT._replace(attempt=9000), OTHER)},
        {"results": (RESULT._replace(chunk_count=3), OTHER)},
        {"chunks": chunks(7000, "one two FOUR ")},
        {"chunks": chunks(7000)[:-1]},
        {"chunks": chunks(7000)[:1] + chunks(7000)[2:]},
        {"chunks": ()},
    ],
)
def test_a_text_that_is_not_what_was_streamed(changes: dict[str, Any]) -> None:
    """Too short; none; of an attempt that was never streamed; of fewer chunks; other words; without end; a gap."""
    assert counted(**changes) == {"wrong_text": 1}


def test_repeated_chunks_and_late_ones_of_a_lower_attempt_do_no_harm() -> None:
    """A reader ignores both."""
    assert counted(chunks=(*chunks(7000), chunks(7000)[1], *chunks(6000, "one two never ")[:3])) == {}


def test_an_attempt_that_says_two_things() -> None:
    """Two owners with the same number."""
    assert counted(chunks=(*chunks(7000), chunks(7000, "ONE two three ")[1])) == {"attempts_not_growing": 1}


def test_a_result_below_a_whole_attempt() -> None:
    """Readers have thrown its text away by then; an attempt that was cut counts for nothing."""
    assert counted(chunks=(*chunks(7000), *chunks(9000))) == {"attempts_not_growing": 1}
    assert counted(chunks=(*chunks(7000), *chunks(9000)[:3])) == {}


def test_an_offset_that_was_committed_too_early() -> None:
    """Before its result was sent: by the position, or by the map above it."""
    assert counted(committed=(Committed(1999, 0, 1),)) == {"early_commits": 1}
    assert counted(committed=(Committed(2050, 0, 0, frozenset({1})),)) == {"early_commits": 1}
    assert counted(committed=(Committed(2050, 0, 0, frozenset({0})),)) == {}


def test_a_request_that_is_never_committed() -> None:
    """The map counts as well as the position; a partition nobody committed for has nothing."""
    assert counted(last={0: Committed(2200, 0, 1)}) == {"uncommitted": 1}
    assert counted(last={0: Committed(2200, 0, 0, frozenset({1}))}) == {"uncommitted": 1}
    assert counted(last={}) == {"uncommitted": 2}


def test_calls_that_were_bought_twice() -> None:
    """Told apart by what their bills say of their end."""
    assert bought_twice(GOOD) == {}
    more = [StoredUsage(f"{STREAMED}/{n}/1", STREAMED, basis) for n, basis in enumerate(["upper_bound", "estimated"])]
    assert bought_twice(replace(GOOD, usage=(*GOOD.usage, *more))) == {"upper_bound": 1, "estimated": 1}
    again = more[0]._replace(basis="provider")
    assert bought_twice(replace(GOOD, usage=(*GOOD.usage, again))) == {"provider": 1}
