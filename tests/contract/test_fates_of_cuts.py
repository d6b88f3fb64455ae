"""The fate table: answers that are cut after their first token. Each lost attempt stays visible and is billed."""

import json

import pytest

from tests.contract.conftest import Shared

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_cut_answer_starts_again_as_a_visible_attempt(shared: Shared) -> None:
    """Chunks of both attempts are there, both calls are billed, and the result comes from the second alone."""
    stage = shared.stage
    run = await stage.ask("mock-t30-i1-cutonce10")
    result = await stage.outputs.result(run)
    await stage.has_committed(run)
    await stage.outputs.rest()
    assert result.attempt is not None
    assert (result.status, result.calls) == ("completed", 2)
    assert result.text == stage.outputs.text_of(run)
    assert len((result.text or "").split()) == 30
    chunks = stage.outputs.chunks_of(run)
    assert {chunk.attempt for chunk in chunks} == {result.attempt - 1, result.attempt}
    assert [chunk.kind for chunk in chunks if chunk.attempt < result.attempt].count("end") == 0
    lost, whole = stage.outputs.usage_of(run)
    assert (lost.attempt, lost.basis, lost.reason) == (result.attempt - 1, "estimated", "disconnected")
    assert (whole.attempt, whole.basis, whole.reason) == (result.attempt, "provider", None)
    assert 10 <= (lost.tokens.output or 0) <= 30
    assert whole.tokens.output == 30
    assert result.cost_nanos == (lost.cost_nanos or 0) + (whole.cost_nanos or 0)
    assert lost.usage_id != whole.usage_id


async def test_an_answer_that_is_always_cut_fails_after_its_budget(shared: Shared) -> None:
    """Each lost attempt was paid for, so there are only so many of them, and a line for each."""
    stage, model = shared.stage, "mock-t30-i1-cut10"
    allowed = stage.settings.retry.max_lost_attempts
    run = await stage.ask(model)
    result = await stage.outputs.result(run)
    await stage.has_committed(run)
    await stage.outputs.rest()
    assert result.error is not None
    assert (result.status, result.error.code, result.text) == ("failed", "retry_budget_spent", None)
    lines = stage.outputs.usage_of(run)
    assert len(lines) == result.calls == stage.mock.stats.snapshot()["models"][model]["calls"] == allowed + 1
    assert {(line.basis, line.reason) for line in lines} == {("estimated", "disconnected")}
    attempts = [line.attempt for line in lines]
    assert attempts == sorted(set(attempts))
    assert "end" not in {chunk.kind for chunk in stage.outputs.chunks_of(run)}


async def test_a_budget_that_a_lost_attempt_used_up_refuses_the_next(shared: Shared) -> None:
    """`rejected`, and the bill of the first call all the same."""
    stage = shared.stage
    request = stage.request("mock-t31-i1-cutonce10", max_output_tokens=40, max_cost_usd=0.00111111)
    bound = (len(json.dumps(request)) + 1024) * 1000 + 40 * 2000
    request["max_cost_usd"] = round((bound + 10_000) / 1e9, 8)
    run = await stage.publish(json.dumps(request).encode(), key=b"k")
    result = await stage.outputs.result(run)
    await stage.outputs.until(lambda: stage.outputs.usage_of(run))
    assert result.error is not None
    assert (result.status, result.error.code, result.calls) == ("rejected", "budget_refused", 1)
    (line,) = stage.outputs.usage_of(run)
    assert (line.basis, line.reason) == ("estimated", "disconnected")
    assert result.cost_nanos == line.cost_nanos
