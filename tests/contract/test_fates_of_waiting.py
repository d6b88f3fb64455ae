"""The fate table: runs that wait for a provider, and deadlines that end the waiting."""

import asyncio
import time
from datetime import datetime

import pytest

from streamproc.observe.events import RunWaits
from streamproc.records.identity import RunId
from tests.contract.conftest import Shared
from tests.contract.harness.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


def is_free(shared: Shared, run: RunId) -> bool:
    """Whether nothing is billed, but for a call that the deadline met before its answer: that one may have cost."""
    lines = shared.stage.outputs.usage_of(run)
    return [(line.basis, line.reason) for line in lines] in ([], [("estimated", "cancelled")])


async def test_a_refused_credential_makes_requests_wait_and_drains_nothing(shared: Shared) -> None:
    """Twenty requests nobody can answer take no result until their deadlines; those of a good model beside them go on."""
    stage = shared.stage
    deadline = stage.time_in(2.5)
    bad = await asyncio.gather(*(stage.ask("mock-e401", partition=n % 4, deadline=deadline) for n in range(20)))
    good = await asyncio.gather(*(stage.ask("mock-t5-i1-f2", partition=n % 4) for n in range(20)))
    assert {(await stage.outputs.result(run)).status for run in good} == {"completed"}
    results = [await stage.outputs.result(run) for run in bad]
    assert min(result.finished_at for result in results) >= datetime.fromisoformat(deadline)
    await asyncio.gather(*(stage.has_committed(run) for run in bad))
    assert {result.status for result in results} == {"expired"}
    assert {result.error and result.error.code for result in results} == {"deadline_passed"}
    assert all(is_free(shared, run) for run in bad)


async def test_a_spent_quota_makes_a_request_wait(shared: Shared) -> None:
    """A 429 that no waiting helps against is no rate limit; the run goes back to wait, and its offset stays."""
    stage = shared.stage
    run = await stage.ask("mock-quota", partition=1, deadline=stage.time_in(1.5))
    await eventually(lambda: [wait.code for wait in shared.member.all(RunWaits) if wait.run_id == str(run)])
    assert await stage.committed_at(1) in (None, run.offset)
    result = await stage.outputs.result(run)
    assert result.status == "expired"
    codes = {wait.code for wait in shared.member.all(RunWaits) if wait.run_id == str(run)}
    assert codes == {"quota_exhausted"}


async def test_a_provider_without_capacity_is_asked_again_until_the_deadline(shared: Shared) -> None:
    """Several calls, none billed, no chunk."""
    stage = shared.stage
    run = await stage.ask("mock-e503", deadline=stage.time_in(1.2))
    result = await stage.outputs.result(run)
    await stage.has_committed(run)
    await stage.outputs.rest()
    assert (result.status, result.text) == ("expired", None)
    assert result.calls >= 3
    assert is_free(shared, run)
    assert stage.outputs.chunks_of(run) == []


async def test_a_deadline_in_the_past_costs_nothing(shared: Shared) -> None:
    """Nobody is asked."""
    run = await shared.stage.ask("mock-t5-i1-f2", deadline=shared.stage.time_in(-5))
    result = await shared.stage.outputs.result(run)
    assert (result.status, result.calls) == ("expired", 0)


async def test_a_deadline_in_mid_stream_ends_the_call(shared: Shared) -> None:
    """The provider sees the disconnect at once, and what it generated is on the bill."""
    stage, model = shared.stage, "mock-t1000-i10-f5"
    run = await stage.ask(model, deadline=stage.time_in(0.8))
    await stage.outputs.until(lambda: len(stage.outputs.chunks_of(run)) > 3)
    result = await stage.outputs.result(run)
    await stage.outputs.until(lambda: stage.outputs.usage_of(run))
    assert (result.status, result.text, result.calls) == ("expired", None, 1)
    (line,) = stage.outputs.usage_of(run)
    (call,) = [call for call in stage.mock.stats.calls if call.model == model]
    assert call.outcome == "cancelled"
    assert (line.basis, line.reason) == ("estimated", "cancelled")
    assert 1 <= (line.tokens.output or 0) <= 2 * call.output_tokens < 400
    assert "end" not in {chunk.kind for chunk in stage.outputs.chunks_of(run)}


async def test_a_request_for_later_waits_for_its_time(shared: Shared) -> None:
    """`not_before` delays the call and nothing behind it."""
    stage = shared.stage
    begun = time.time()
    later = await stage.ask("mock-t5-i1-f2", partition=3, not_before=stage.time_in(1.2))
    behind = await stage.ask("mock-t5-i1-f2", partition=3)
    await stage.outputs.result(behind)
    assert stage.outputs.results_of(later) == []
    result = await stage.outputs.result(later)
    assert result.status == "completed"
    assert result.finished_at.timestamp() >= begun + 1.2


async def test_a_request_for_after_its_own_deadline_is_rejected(shared: Shared) -> None:
    """It could only expire, so the sender is told at once."""
    stage = shared.stage
    run = await stage.ask("mock-t5-i1-f2", not_before=stage.time_in(20), deadline=stage.time_in(10))
    result = await stage.outputs.result(run)
    assert result.error is not None
    assert (result.status, result.error.code) == ("rejected", "invalid_request")
