"""Deferred runs: those that wait for their own time make room, and are answered once, as the runs they were."""

import asyncio
import time
from pathlib import Path
from typing import Any

from streamproc.observe.events import RunDeferred
from streamproc.records.deferral import Deferral, deferral_of
from streamproc.records.identity import RunId
from tests.contract.harness.cancelling import cancel, ended, is_cancelled
from tests.contract.harness.member import running_member
from tests.contract.harness.program import running_program
from tests.contract.harness.stage import Stage, staged
from tests.contract.harness.waiting import eventually

QUICK = "mock-t5-i1-f2"
QUICK_SESSION = {"session_timeout_seconds": 3.0, "heartbeat_interval_seconds": 0.5}
HOUR_SECONDS = 3600.0
NARROW: dict[str, Any] = {"worker": {"max_window": 8}}


def deferrals(stage: Stage) -> dict[str, Deferral]:
    """What was moved so far, by run id."""
    found = [deferral_of(record.headers, record.partition) for record in stage.outputs.deferred]
    return {deferral.run_id: deferral for deferral in found}


async def deferred(stage: Stage, *runs: RunId) -> None:
    """Waits until these runs are moved."""
    await stage.outputs.until(lambda: {str(run) for run in runs} <= deferrals(stage).keys())


async def waiting(stage: Stage, count: int, seconds: float, partition: int = 0) -> list[RunId]:
    """Requests that want to be answered in a while."""
    not_before = stage.time_in(seconds)
    return await stage.ask_many((partition, stage.request(QUICK, not_before=not_before)) for _ in range(count))


async def test_requests_that_wait_make_room_for_those_behind_them(bootstrap: str, topic_prefix: str) -> None:
    """A window full of them; each is answered after its time, once, as the run it was, under a higher attempt."""
    async with staged(bootstrap, topic_prefix, QUICK, **NARROW) as stage:
        async with running_member(stage.settings) as member:
            await member.has_claimed(4)
            due = time.time() + HOUR_SECONDS
            later = await waiting(stage, 150, HOUR_SECONDS)
            behind = await stage.ask_many((0, stage.request(QUICK)) for _ in range(5))
            await stage.outputs.until(lambda: all(stage.outputs.results_of(run) for run in behind))
            assert [run for run in later if stage.outputs.results_of(run)] == []
            await asyncio.gather(*(stage.has_committed(run) for run in behind))
            member.move_clock(HOUR_SECONDS)
            await stage.outputs.until(lambda: all(stage.outputs.results_of(run) for run in later))
            assert len(member.all(RunDeferred)) == 150
        await stage.outputs.rest()
        moved = deferrals(stage)
        assert len(stage.outputs.deferred) == len(moved) == 150
        assert stage.outputs.twice() == {}
        for run in later:
            result = await stage.outputs.result(run)
            assert (result.status, result.calls) == ("completed", 1)
            assert result.finished_at.timestamp() >= due
            assert stage.outputs.text_of(run) == result.text
            assert (result.attempt or 0) > moved[str(run)].attempt
        assert stage.mock.stats.snapshot()["requests"] == 155


async def test_a_worker_that_is_killed_around_a_move_doubles_nothing(
    bootstrap: str, topic_prefix: str, tmp_path: Path
) -> None:
    """Record and offset move together: what it had moved is answered by its successor, and so is the rest."""
    async with staged(bootstrap, topic_prefix, QUICK, **NARROW, kafka=QUICK_SESSION) as stage:
        with running_program(stage.settings, tmp_path) as program:
            await program.has_said("started")
            later = await waiting(stage, 250, HOUR_SECONDS)
            await stage.outputs.until(lambda: stage.outputs.deferred)
            program.kill()
        async with running_member(stage.settings) as successor:
            # A last handful makes room only where others stand behind it.
            behind = await stage.ask_many((0, stage.request(QUICK)) for _ in range(8))
            await stage.has_committed(behind[-1])
            successor.move_clock(HOUR_SECONDS)
            await stage.outputs.until(lambda: all(stage.outputs.results_of(run) for run in later))
        await stage.outputs.rest()
        assert len(stage.outputs.deferred) == len(deferrals(stage))
        assert stage.outputs.twice() == {}
        assert len(stage.outputs.results) == len(stage.outputs.usage) == 258
        assert {result.status for result in stage.outputs.results} == {"completed"}


async def test_deferred_runs_are_cancelled_wherever_they_are(bootstrap: str, topic_prefix: str) -> None:
    """By run id and by request id: while a worker holds them, and while nobody has read them again."""
    async with staged(bootstrap, topic_prefix, QUICK, **NARROW) as stage:
        async with running_member(stage.settings) as member:
            later = await waiting(stage, 7, 600, partition=2)
            await deferred(stage, *later)
            state = member.worker.state
            await eventually(lambda: state().waiting == 7, state)
            lags = {(part.topic, part.partition): part.lag for part in state().partitions}
            assert (lags[stage.settings.topics.deferred, 2] or 0) >= 7  # the marks of transactions count, too
            assert lags[stage.settings.sources[0].topic, 2] == 0
            await cancel(stage, later[0])
            await cancel(stage, request_id="request-2")
            for run in later[:2]:
                assert is_cancelled(await ended(stage, run))
            await member.worker.drain()
        await cancel(stage, later[2])
        await cancel(stage, request_id="request-4")
        async with running_member(stage.settings) as member:
            for run in later[2:4]:
                assert is_cancelled(await ended(stage, run))
            await eventually(lambda: member.worker.state().waiting == 3, member.worker.state)
        await stage.outputs.rest()
        assert {result.run_id for result in stage.outputs.results} == {str(run) for run in later[:4]}
        assert (stage.outputs.twice(), stage.outputs.usage) == ({}, [])


async def test_deferred_runs_leave_bytes_for_others(bootstrap: str, topic_prefix: str) -> None:
    """They are read again up to half of the bytes that a worker holds: others are taken and answered beside them."""
    async with staged(bootstrap, topic_prefix, QUICK, worker={"max_queued_bytes": 2_000_000}) as stage:
        topic, text = stage.settings.topics.deferred, [{"role": "user", "content": "x" * 5_000}]
        not_before = stage.time_in(600)
        later = await stage.ask_many(
            (number % 4, stage.request(QUICK, messages=text, not_before=not_before)) for number in range(600)
        )
        async with running_member(stage.settings) as member:
            state = member.worker.state
            await eventually(lambda: any(part.paused for part in state().partitions if part.topic == topic), state)
            behind = await stage.ask_many((number % 4, stage.request(QUICK)) for number in range(8))
            await stage.outputs.until(lambda: all(stage.outputs.results_of(run) for run in behind))
            assert [run for run in later if stage.outputs.results_of(run)] == []
