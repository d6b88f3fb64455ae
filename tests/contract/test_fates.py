"""The fate table of `streamproc/errors.py`: runs that get an answer, or none at the first try."""

import json

import pytest

from streamproc.observe.events import RetryPlanned, RunWaits
from streamproc.records.identity import first_attempt, usage_id
from tests.contract.conftest import Shared

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_answer_is_streamed_billed_and_committed(shared: Shared) -> None:
    """Text equals the chunks, the bill equals the provider's own, and the offset moves on."""
    stage, model = shared.stage, "mock-t20-i1-f2"
    run = await stage.ask(model, partition=2, tenant="acme", user="ann", feature="chat", metadata={"a": "b"})
    result = await stage.outputs.result(run)
    await stage.has_committed(run)
    await stage.outputs.rest()
    assert (result.status, result.finish_reason, result.error) == ("completed", "stop", None)
    assert (result.tenant, result.provider, result.model, result.metadata) == ("acme", "mock", model, {"a": "b"})
    assert result.text == stage.outputs.text_of(run)
    assert len((result.text or "").split()) == 20
    (line,) = stage.outputs.usage_of(run)
    served = stage.mock.stats.snapshot()["models"][model]
    assert served["calls"] == result.calls == 1
    assert (line.tokens.input, line.tokens.output) == (served["input_tokens"], served["output_tokens"]) == (3, 20)
    assert (result.input_tokens, result.output_tokens) == (3, 20)
    assert line.cost_nanos == result.cost_nanos == 3 * 1000 + 20 * 2000
    assert (line.basis, line.reason, line.tenant, line.user, line.feature) == ("provider", None, "acme", "ann", "chat")
    (assignment,) = [
        item
        for item in shared.member.worker.consumer.assignments
        if (item.key.topic, item.key.partition) == (run.topic, 2)
    ]
    assert result.attempt == line.attempt == first_attempt(assignment.epoch, None)
    assert line.usage_id == usage_id(str(run), line.attempt, 1)


async def test_all_records_of_a_run_stand_in_its_partition_under_its_key(shared: Shared) -> None:
    """A follower reads one partition; headers say what each record is."""
    stage = shared.stage
    trace = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    request = stage.request("mock-t5-i1-f2", request_id="label")
    run = await stage.publish(
        json.dumps(request).encode(), key=b"another key", headers=[("traceparent", trace)], partition=3
    )
    await stage.outputs.result(run)
    await stage.has_committed(run)
    await stage.outputs.rest()
    records = stage.outputs.records_of(run)
    assert {record.partition for record in records} == {3}
    assert {record.key for record in records} == {b"label"}
    assert {dict(record.headers)["traceparent"] for record in records} == {trace}
    assert {(record.topic.rpartition(".")[2], dict(record.headers)["ce_type"]) for record in records} == {
        ("chunks", b"streamproc.chunk.v1"),
        ("results", b"streamproc.result.v1"),
        ("usage", b"streamproc.usage.v1"),
    }


async def test_an_answer_that_is_not_streamed_has_no_chunks(shared: Shared) -> None:
    """The result holds the whole text."""
    stage = shared.stage
    run = await stage.ask("mock-t5-i1-f2", stream=False)
    result = await stage.outputs.result(run)
    await stage.has_committed(run)
    await stage.outputs.rest()
    assert (result.status, result.chunk_count, stage.outputs.chunks_of(run)) == ("completed", 0, [])
    assert len((result.text or "").split()) == 5
    assert len(stage.outputs.usage_of(run)) == 1


async def test_an_answer_without_usage_is_estimated(shared: Shared) -> None:
    """The tokens are counted here, and the line says so."""
    run = await shared.stage.ask("mock-t6-i1-nousage")
    result = await shared.stage.outputs.result(run)
    await shared.stage.outputs.until(lambda: shared.stage.outputs.usage_of(run))
    (line,) = shared.stage.outputs.usage_of(run)
    assert (result.status, line.basis, line.reason) == ("completed", "estimated", None)
    assert (line.tokens.output or 0) >= 6
    assert line.cost_nanos == (line.tokens.input or 0) * 1000 + (line.tokens.output or 0) * 2000


async def test_a_request_the_provider_refuses_fails_at_once(shared: Shared) -> None:
    """One call, no retry, nothing to bill."""
    run = await shared.stage.ask("mock-e400")
    result = await shared.stage.outputs.result(run)
    await shared.stage.has_committed(run)
    await shared.stage.outputs.rest()
    assert result.error is not None
    assert (result.status, result.error.code, result.error.error_class) == ("failed", "bad_request", "BadRequest")
    assert (result.calls, result.text, shared.stage.outputs.usage_of(run)) == (1, None, [])


async def test_a_fault_before_the_first_token_is_retried_in_silence(shared: Shared) -> None:
    """Two calls, one attempt, one usage line."""
    stage = shared.stage
    run = await stage.ask("mock-eonce500-t7-i1")
    result = await stage.outputs.result(run)
    await stage.has_committed(run)
    await stage.outputs.rest()
    assert (result.status, result.calls) == ("completed", 2)
    (retry,) = [event for event in shared.member.all(RetryPlanned) if event.run_id == str(run)]
    assert (retry.code, retry.restart) == ("server_fault", False)
    assert [event for event in shared.member.all(RunWaits) if event.run_id == str(run)] == []
    assert result.text == stage.outputs.text_of(run)
    assert {chunk.attempt for chunk in stage.outputs.chunks_of(run)} == {result.attempt}
    (line,) = stage.outputs.usage_of(run)
    assert (line.basis, line.tokens.output) == ("provider", 7)


async def test_an_answer_above_the_limit_fails_and_is_billed(shared: Shared) -> None:
    """The call is ended at the provider, and what came is counted."""
    stage, model = shared.stage, "mock-t2000-i0-f0"
    run = await stage.ask(model, max_output_tokens=2000)
    result = await stage.outputs.result(run)
    await stage.outputs.until(lambda: stage.outputs.usage_of(run))
    assert result.error is not None
    assert (result.status, result.error.code, result.text) == ("failed", "answer_too_long", None)
    (line,) = stage.outputs.usage_of(run)
    assert line.basis == "estimated"
    assert (line.tokens.output or 0) > 100


async def test_a_budget_below_the_calls_bound_refuses_it(shared: Shared) -> None:
    """No call is made, and the sentence names both sums."""
    before = shared.stage.mock.stats.snapshot()["models"].get("mock-t4-i1-f2")
    run = await shared.stage.ask("mock-t4-i1-f2", max_cost_usd=0.000001)
    result = await shared.stage.outputs.result(run)
    await shared.stage.has_committed(run)
    await shared.stage.outputs.rest()
    assert result.error is not None
    assert (result.status, result.error.code, result.calls) == ("rejected", "budget_refused", 0)
    assert shared.stage.outputs.usage_of(run) == []
    assert shared.stage.outputs.dead == []
    assert shared.stage.mock.stats.snapshot()["models"].get("mock-t4-i1-f2") is before is None
