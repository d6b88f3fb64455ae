"""A request that former owners of its partition have worked on: what they left decides how it goes on."""

import asyncio
import json
from typing import Any

import pytest

from streamproc.chain.plan import Choice, Plan
from streamproc.chain.provider import Completed
from streamproc.chain.run import History, Run, Terminal
from streamproc.providers.scripted import Scripted
from streamproc.records.codec import decode_result, decode_usage
from streamproc.records.identity import ATTEMPTS_PER_EPOCH
from tests.lines import a_line, a_result
from tests.unit.test_processor import accepted, incoming, processor

EPOCH = 5


def with_history(history: History, **fields: Any) -> Run | Terminal:
    """What becomes of a request with this history."""
    return processor().accept(incoming(**fields)._replace(history=history))


def told(accepted: Run | Terminal) -> tuple[str, str]:
    """Status and error code of the result."""
    assert isinstance(accepted, Terminal)
    result = json.loads(accepted.records[0].value or b"")
    return result["status"], result["error"]["code"]


def test_an_answer_is_published_as_it_was() -> None:
    """At once, with the bills that are not published yet, and no others."""
    answer, bill = a_result("llm.requests/0/7@1", request_id="r"), a_line("llm.requests/0/7@1")
    terminal = with_history(History(last_attempt=1000, answer=answer, bills=(bill,)))
    assert isinstance(terminal, Terminal)
    record, line = terminal.records
    assert (record.topic, record.key, decode_result(record.value or b"")) == ("results", b"r", answer)
    assert (line.topic, decode_usage(line.value or b"")) == ("usage", bill)


def test_an_answer_is_published_by_a_worker_that_would_not_take_its_request() -> None:
    """A rolling upgrade took the model out of the settings, and a worker of before died with an answer in hand.

    The next one refused the request: the sender got `rejected` for an answer that was bought and stood in the journal.
    """
    terminal = with_history(History(answer=a_result("llm.requests/0/7@1")), model="gone", messages=[])
    assert isinstance(terminal, Terminal)
    (record,) = terminal.records
    assert decode_result(record.value or b"").text == "bought once"


def test_an_answer_too_large_for_one_record_is_cut_again() -> None:
    """As any other."""
    answer = a_result("llm.requests/0/7@1", text="x" * 3_000_000)
    terminal = with_history(History(answer=answer))
    assert isinstance(terminal, Terminal)
    assert len(terminal.records) > 3
    assert {record.topic for record in terminal.records} == {"results"}


@pytest.mark.parametrize(
    ("last_attempt", "first"),
    [(None, 5000), (0, 5000), (4999, 5000), (5000, 5001), (9_999_000, 9_999_001)],
)
def test_attempts_grow_over_owners(last_attempt: int | None, first: int) -> None:
    """A reader takes the highest one, so a new owner's is higher than any known, whatever its clock says."""
    run = with_history(History(last_attempt=last_attempt))
    assert isinstance(run, Run)
    assert run.progress.attempt == first
    assert EPOCH * ATTEMPTS_PER_EPOCH == 5000


def test_a_request_that_workers_die_of_is_given_up() -> None:
    """After as many as the settings say, and not before; its bytes are kept."""
    assert isinstance(with_history(History(crashes=2)), Run)
    terminal = with_history(History(crashes=3))
    assert told(terminal) == ("rejected", "crashed_workers")
    assert isinstance(terminal, Terminal)
    assert [record.topic for record in terminal.records] == ["results", "dead"]


def test_an_answer_counts_more_than_crashes() -> None:
    """It was bought in spite of them, or the setting was lowered since."""
    terminal = with_history(History(crashes=3, answer=a_result("llm.requests/0/7@1")))
    assert isinstance(terminal, Terminal)
    assert [record.topic for record in terminal.records] == ["results"]


async def test_what_was_spent_counts_against_the_budget() -> None:
    """The run begins with it."""
    run = with_history(History(spent_nanos=23_000), max_cost_usd=1.0)
    assert isinstance(run, Run)
    assert run.progress.spent_nanos == 23_000


async def test_an_answer_is_stored_in_the_journal_before_it_is_published() -> None:
    """The very records."""
    provider = Scripted("p", lambda _: [Completed(None, "stop")], asyncio.sleep)
    works = processor(lambda asked: Plan.plain(Choice(provider, asked.request.model)))
    run = accepted(incoming(stream=False))
    run.follow(Plan.plain(Choice(provider, "m")))
    terminal = await works.process(run)
    assert run.journal.answers == [terminal.records]  # type: ignore[attr-defined] # `incoming` gives a MemoryJournal
