"""Cancelling: whatever a run is doing, its sender can end it; the provider stops, and the bill says what was used."""

import asyncio

from aiokafka import TopicPartition

from streamproc.observe.events import RunWaits
from tests.contract.harness.cancelling import cancel, ended, is_cancelled, is_streaming, remembered, troubles
from tests.contract.harness.member import running_member
from tests.contract.harness.stage import staged
from tests.contract.harness.waiting import eventually

LONG, QUICK, AWAY = "mock-t2000-i10-f5", "mock-t5-i1-f2", "mock-e503"


async def test_a_running_call_is_stopped_at_its_provider(bootstrap: str, topic_prefix: str) -> None:
    """What it used is estimated, its text is no result, and no `end` closes its chunks; readers go by the result."""
    async with staged(bootstrap, topic_prefix, LONG) as stage, running_member(stage.settings):
        run = await stage.ask(LONG, partition=2)
        await is_streaming(stage, run)
        await cancel(stage, run)
        result = await ended(stage, run)
        assert is_cancelled(result)
        await eventually(lambda: stage.mock.stats.snapshot()["cancelled"] == 1)  # it learns by hanging up
        served = stage.mock.stats.snapshot()
        assert (served["requests"], result.calls) == (1, 1)
        (line,) = stage.outputs.usage_of(run)
        assert (line.basis, line.reason) == ("estimated", "cancelled")
        assert 1 <= (line.tokens.output or 0) <= 2 * served["output_tokens"] < 2000
        assert (result.cost_nanos, result.output_tokens) == (line.cost_nanos, line.tokens.output)
        chunks = stage.outputs.chunks_of(run)
        assert {chunk.attempt for chunk in chunks} == {result.attempt}
        assert "end" not in {chunk.kind for chunk in chunks}


async def test_queued_and_waiting_runs_end_at_once(bootstrap: str, topic_prefix: str) -> None:
    """One waits for a slot, one for its time, one for its provider, with the calls of that one on the bill."""
    async with (
        staged(bootstrap, topic_prefix, LONG, AWAY, worker={"max_running": 1}) as stage,
        running_member(stage.settings) as member,
    ):
        away = await stage.ask(AWAY, partition=1, not_before=stage.time_in(0.3))
        await eventually(lambda: [wait for wait in member.all(RunWaits) if wait.run_id == str(away)])
        running = await stage.ask(LONG, partition=0)
        await is_streaming(stage, running)
        queued = await stage.ask(LONG, partition=2)
        later = await stage.ask(LONG, partition=3, not_before=stage.time_in(300))
        state = member.worker.state
        await eventually(lambda: state().queued + state().waiting == 3, state)
        await cancel(stage, request_id="request-1")
        await cancel(stage, queued)
        await cancel(stage, later)
        results = [await ended(stage, run) for run in (away, queued, later)]
        assert [is_cancelled(result) for result in results] == [True] * 3
        assert [result.calls for result in results[1:]] == [0, 0]
        assert results[0].calls >= 1
        assert (stage.outputs.results_of(running), stage.outputs.usage) == ([], [])
        assert stage.mock.stats.snapshot()["running"] == 1


async def test_requests_are_cancelled_that_no_worker_has_read(bootstrap: str, topic_prefix: str) -> None:
    """With lag: the worker's queue is full of others. They end without a call when their turn to be read comes."""
    async with (
        staged(bootstrap, topic_prefix, LONG, QUICK, worker={"max_window": 1}) as stage,
        running_member(stage.settings) as member,
    ):
        await member.has_claimed(4)
        head = await stage.ask(LONG)
        await is_streaming(stage, head)
        behind = await stage.ask_many((0, stage.request(QUICK)) for _ in range(250))
        unread = behind[-100:]
        for run in unread:
            await cancel(stage, run)
        await eventually(lambda: remembered(member) == 100)
        key = TopicPartition(head.topic, 0)
        (assignment,) = [item for item in member.worker.consumer.assignments if item.key == key]
        assert assignment.offsets.next <= unread[0].offset
        await cancel(stage, head)
        await stage.outputs.until(lambda: all(stage.outputs.results_of(run) for run in behind))
        await stage.has_committed(behind[-1])
        assert {stage.outputs.results_of(run)[0].status for run in behind[:-100]} == {"completed"}
        results = [await stage.outputs.result(run) for run in unread]
        assert all(is_cancelled(result) and result.calls == 0 for result in results)
        assert stage.mock.stats.snapshot()["requests"] == 151


async def test_a_worker_that_starts_finds_what_was_cancelled_before(bootstrap: str, topic_prefix: str) -> None:
    """Requests and cancels came while nobody was there, with garbage between them; nothing is bought for them."""
    async with staged(bootstrap, topic_prefix, QUICK) as stage:
        async with running_member(stage.settings) as member:
            await ended(stage, await stage.ask(QUICK))
            await member.worker.drain()
        by_run, by_request, kept = [await stage.ask(QUICK, request_id=name) for name in ("a", "b", "c")]
        await cancel(stage, by_run)
        await stage.publish(b"\x00\xff no cancel", topic=stage.settings.topics.control)
        await cancel(stage, request_id="b")
        async with running_member(stage.settings) as member:
            results = [await ended(stage, run) for run in (by_run, by_request)]
            assert [(is_cancelled(result), result.calls) for result in results] == [(True, 0)] * 2
            assert (await ended(stage, kept)).status == "completed"
            assert troubles(member) == ["no_cancel"]
        assert stage.mock.stats.snapshot()["requests"] == 2


async def test_a_cancel_means_what_is_there_and_not_what_comes(bootstrap: str, topic_prefix: str) -> None:
    """A request that is sent again under the same id is a new one, whether a worker was there or comes later."""
    async with staged(bootstrap, topic_prefix, LONG, QUICK) as stage:
        async with running_member(stage.settings) as member:
            first = await stage.ask(LONG, request_id="same")
            await is_streaming(stage, first)
            await cancel(stage, request_id="same")
            assert is_cancelled(await ended(stage, first))
            await asyncio.sleep(0.01)  # for a later millisecond
            assert (await ended(stage, await stage.ask(QUICK, request_id="same"))).status == "completed"
            await member.worker.drain()
        third = await stage.ask(QUICK, request_id="same")
        async with running_member(stage.settings):
            assert (await ended(stage, third)).status == "completed"


async def test_a_finished_run_keeps_its_result(bootstrap: str, topic_prefix: str) -> None:
    """A cancel that comes too late changes nothing; a run that comes after it shows that it was read."""
    async with staged(bootstrap, topic_prefix, QUICK, LONG) as stage, running_member(stage.settings) as member:
        run = await stage.ask(QUICK)
        before = await ended(stage, run)
        await cancel(stage, run)
        await eventually(lambda: remembered(member) == 1)
        assert (await ended(stage, await stage.ask(QUICK))).status == "completed"
        assert stage.outputs.results_of(run) == [before]


async def test_a_run_is_cancelled_while_its_worker_drains(bootstrap: str, topic_prefix: str) -> None:
    """The drain waits for running calls, and this one need not be waited for; its result is committed."""
    async with (
        staged(bootstrap, topic_prefix, LONG, worker={"drain_seconds": 100}) as stage,
        running_member(stage.settings) as member,
    ):
        run = await stage.ask(LONG)
        await is_streaming(stage, run)
        draining = asyncio.create_task(member.worker.drain())
        await eventually(lambda: member.worker.consumer.is_draining)
        await cancel(stage, run)
        assert await draining == 0
        assert is_cancelled(await ended(stage, run))
