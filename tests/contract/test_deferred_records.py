"""Records of the topic of deferred runs, as another worker left them there; and bytes that no worker wrote."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from streamproc.records.deferral import Deferral, deferred_record
from streamproc.records.identity import RunId
from streamproc.records.result import Result
from streamproc.records.usage import TokenCounts, UsageLine
from tests.contract.conftest import Shared
from tests.contract.harness.stage import Stage
from tests.fakes import a_request

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUICK = "mock-t5-i1-f2"
NANOS = 1_000_000


def run_of(stage: Stage, offset: int, partition: int = 1) -> RunId:
    """A run whose request stood somewhere far behind."""
    return RunId(stage.settings.sources[0].topic, partition, offset, 1_700_000_000_000)


def line_of(run: RunId, call: int) -> UsageLine:
    """The bill of a call that was made before the run was deferred."""
    now = datetime.now(UTC)
    return UsageLine(
        usage_id=f"{run}/1000/{call}", run_id=str(run), request_id="r", tenant="pinned", attempt=1000, provider="mock",
        model=QUICK, tokens=TokenCounts(input=3, output=4), cost_nanos=NANOS, basis="estimated", price_version=None,
        reason="disconnected", input_hash="0", started_at=now, ended_at=now,
    )  # fmt: skip


async def leave(stage: Stage, run: RunId, request: dict[str, Any] | None = None, /, **fields: Any) -> Result:
    """Puts a deferred run on its topic and gives its result."""
    now = time.time()
    usual = {"tenant": "pinned", "attempt": 2**42, "not_before": now, "deadline": now + 100}
    record = deferred_record(
        a_request(**{"model": QUICK, **(request or {})}),
        Deferral(run_id=str(run), **{**usual, **fields}),
        None,
        None,
        now,
    )
    topic = stage.settings.topics.deferred
    await stage.publish(record.value, key=record.key, headers=record.headers, partition=run.partition, topic=topic)
    return await stage.outputs.result(run)


async def test_a_deferred_run_goes_on_where_it_was(shared: Shared) -> None:
    """Its result sums up what was billed before and now; only the new line is published, under a new call's id."""
    run = run_of(shared.stage, 1)
    lines = (line_of(run, 1), line_of(run, 2))
    result = await leave(shared.stage, run, calls=2, lost_attempts=2, spent_nanos=2 * NANOS, lines=lines)
    await shared.stage.outputs.until(lambda: shared.stage.outputs.usage_of(run))
    await shared.stage.outputs.rest()
    (line,) = shared.stage.outputs.usage_of(run)
    assert (result.status, result.tenant, result.calls, result.attempt) == ("completed", "pinned", 3, 2**42 + 1)
    assert (line.usage_id, line.tenant) == (f"{run}/{2**42 + 1}/3", "pinned")
    assert result.cost_nanos == 2 * NANOS + (line.cost_nanos or 0)
    assert result.output_tokens == 8 + (line.tokens.output or 0)
    assert shared.stage.outputs.text_of(run) == result.text


async def test_a_budget_holds_over_a_deferral(shared: Shared) -> None:
    """What was spent before leaves too little for another call."""
    result = await leave(shared.stage, run_of(shared.stage, 2), {"max_cost_usd": 0.01}, spent_nanos=10 * NANOS)
    assert result.error is not None
    assert (result.status, result.error.code, result.calls) == ("rejected", "budget_refused", 0)


async def test_a_deferred_run_expires_without_a_call(shared: Shared) -> None:
    """Its deadline is the one it had; it passed while nobody was there, or while it waited."""
    now = time.time()
    for offset, deadline in ((3, now - 5), (4, now + 1.5)):
        result = await leave(shared.stage, run_of(shared.stage, offset), not_before=now + 60, deadline=deadline)
        assert (result.status, result.calls) == ("expired", 0)
        assert result.finished_at.timestamp() >= deadline


async def test_a_request_that_is_refused_now_is_a_dead_letter_of_its_run(shared: Shared) -> None:
    """Its model is gone from the settings: the letter is the request, as it can be sent again."""
    run = run_of(shared.stage, 5)
    result = await leave(shared.stage, run, {"model": "gone"})
    assert result.error is not None
    assert (result.status, result.error.code, result.request_id) == ("rejected", "unknown_model", "r-1")
    await shared.stage.outputs.until(lambda: [one for one in shared.stage.outputs.dead if is_of(one, run)])
    (letter,) = [one for one in shared.stage.outputs.dead if is_of(one, run)]
    assert json.loads(letter.value)["model"] == "gone"
    assert {name for name, _ in letter.headers if not name.startswith("dlq.")} == set()
    assert ("dlq.offset", b"5") in letter.headers


def is_of(letter: Any, run: RunId) -> bool:
    """Whether a dead letter is a run's."""
    return ("dlq.run_id", str(run).encode()) in letter.headers


GOOD = {"run_id": "t/1/1@1", "tenant": "t", "attempt": 1, "not_before": 0.0, "deadline": 4e9}


@pytest.mark.parametrize(
    "deferral",
    [
        None,
        b"\xff",
        b"[]",
        b"{}",
        json.dumps({**GOOD, "run_id": "t/2/1@1"}).encode(),
        json.dumps({**GOOD, "run_id": "no run"}).encode(),
        json.dumps({**GOOD, "deadline": float("nan")}).encode(),
        json.dumps({**GOOD, "attempt": 2**60}).encode(),
    ],
)
async def test_bytes_of_somebody_else_are_dead_letters(shared: Shared, deferral: bytes | None) -> None:
    """A record without a valid deferral is refused under its own name, whatever its value is; the worker goes on."""
    stage = shared.stage
    headers = () if deferral is None else (("deferral", deferral),)
    value = json.dumps(stage.request(QUICK)).encode()
    run = await stage.publish(value, headers=headers, partition=1, topic=stage.settings.topics.deferred)
    result = await stage.outputs.result(run)
    assert result.error is not None
    assert (result.status, result.error.code) == ("rejected", "invalid_deferral")
    await stage.outputs.until(lambda: [one for one in stage.outputs.dead if is_of(one, run)])
    (letter,) = [one for one in stage.outputs.dead if is_of(one, run)]
    assert (letter.value, letter.topic) == (value, stage.settings.topics.dead)
    assert (await stage.outputs.result(await stage.ask(QUICK, partition=1))).status == "completed"


async def test_a_sender_cannot_pass_for_a_deferred_run(shared: Shared) -> None:
    """On a request topic the header means nothing: neither another's run nor another's tenant can be had by it."""
    stage = shared.stage
    header = json.dumps({**GOOD, "run_id": str(run_of(stage, 7)), "tenant": "victim"}).encode()
    value = json.dumps(stage.request(QUICK)).encode()
    run = await stage.publish(value, headers=(("deferral", header),), partition=1)
    result = await stage.outputs.result(run)
    assert (result.status, result.tenant) == ("completed", "default")


async def test_a_value_that_is_no_request_is_a_dead_letter(shared: Shared) -> None:
    """With a valid deferral, too."""
    stage = shared.stage
    run = run_of(stage, 6)
    header = json.dumps({**GOOD, "run_id": str(run)}).encode()
    topic = stage.settings.topics.deferred
    await stage.publish(b"\x00", headers=(("deferral", header),), partition=1, topic=topic)
    result = await stage.outputs.result(run)
    assert result.error is not None
    assert (result.status, result.error.code) == ("rejected", "not_json")
