"""Workers that come, go and die. Now: every record has at least one result; exactly one where nobody died."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamproc.errors import SetupError
from streamproc.records.identity import RunId
from tests.contract.harness.member import prepared_member, running_member
from tests.contract.harness.outputs import Outputs
from tests.contract.harness.program import Program, running_program
from tests.contract.harness.stage import Stage, staged
from tests.contract.harness.waiting import eventually, eventually_found

MODEL = "mock-t150-i10-f5"
QUICK_SESSION = {"session_timeout_seconds": 3.0, "heartbeat_interval_seconds": 0.5}


def has_started(outputs: Outputs, run: RunId) -> bool:
    """Whether some of the answer is there, and no result."""
    return len(outputs.chunks_of(run)) >= 3 and not outputs.results_of(run)


async def all_claimed(stage: Stage, program: Program) -> None:
    """Waits until each partition has an owner, which says so in the committed offset."""
    await program.has_said("started")

    async def all_have_an_owner() -> bool:
        return len(await stage.committed()) == 4

    await eventually_found(all_have_an_owner)


async def test_a_worker_that_joins_takes_its_share(bootstrap: str, topic_prefix: str) -> None:
    """Calls of partitions that stay run through; those of the others run again, and both calls are billed."""
    model = "mock-t700-i10-f5"  # long enough for the slowest rebalance
    async with (
        staged(bootstrap, topic_prefix, model) as stage,
        running_member(stage.settings) as one,
        prepared_member(stage.settings) as two,
    ):
        await one.has_claimed(4)
        runs = await stage.ask_many((n % 4, stage.request(model)) for n in range(12))
        await stage.outputs.until(lambda: all(has_started(stage.outputs, run) for run in runs))
        before = {run: max(chunk.attempt for chunk in stage.outputs.chunks_of(run)) for run in runs}
        await two.join()
        await asyncio.gather(one.has_claimed(2), two.has_claimed(2))
        await stage.outputs.until(lambda: all(stage.outputs.results_of(run) for run in runs))
        await asyncio.gather(*(stage.has_committed(run) for run in runs[-4:]))
        await stage.outputs.rest()
        for run in runs:
            result = stage.outputs.results_of(run)[-1]
            assert (result.status, result.text) == ("completed", stage.outputs.text_of(run))
        attempts = {run: stage.outputs.results_of(run)[-1].attempt or 0 for run in runs}
        moved = [run for run in runs if attempts[run] > before[run]]
        assert len(moved) == 6
        assert [attempts[run] for run in runs if run not in moved] == [before[run] for run in runs if run not in moved]
        served = stage.mock.stats.snapshot()
        assert (served["requests"], served["cancelled"]) == (18, 6)
        assert len({line.usage_id for line in stage.outputs.usage}) == len(stage.outputs.usage) == 18


async def test_a_killed_workers_runs_are_answered_by_another(bootstrap: str, topic_prefix: str, tmp_path: Path) -> None:
    """No run is without a result, and the new owner's attempts are higher than those of the dead one."""
    async with staged(bootstrap, topic_prefix, MODEL, kafka=QUICK_SESSION) as stage:
        with running_program(stage.settings, tmp_path) as program:
            await all_claimed(stage, program)
            runs = await stage.ask_many((n % 4, stage.request(MODEL)) for n in range(12))
            await stage.outputs.until(lambda: all(has_started(stage.outputs, run) for run in runs))
            program.kill()
        async with running_member(stage.settings):
            await stage.outputs.until(lambda: all(stage.outputs.results_of(run) for run in runs))
            await asyncio.gather(*(stage.has_committed(run) for run in runs[-4:]))
            await stage.outputs.rest()
        assert stage.outputs.twice() == {}
        for run in runs:
            result = await stage.outputs.result(run)
            assert (result.status, result.text) == ("completed", stage.outputs.text_of(run))
            assert result.attempt is not None
            assert min(chunk.attempt for chunk in stage.outputs.chunks_of(run)) < result.attempt


@pytest.fixture
def hears_hang_ups() -> Iterator[None]:
    """Whoever runs the tests may have been told to outlive its terminal; a worker it starts is not."""
    former = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, former)


@pytest.mark.usefixtures("hears_hang_ups")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_to_end_lets_running_calls_end(
    number: signal.Signals, bootstrap: str, topic_prefix: str, tmp_path: Path
) -> None:
    """Exit code 0; what ran has exactly one result and is committed; what came later is left to others."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage:
        with running_program(stage.settings, tmp_path) as program:
            await all_claimed(stage, program)
            runs = await stage.ask_many((n % 4, stage.request(MODEL)) for n in range(8))
            await stage.outputs.until(lambda: all(has_started(stage.outputs, run) for run in runs))
            program.terminate(number)
            await program.has_said("draining")
            late = await stage.ask(MODEL)
            assert await program.exit_code() == 0
        await stage.outputs.rest()
        assert {result.run_id for result in stage.outputs.results} == {str(run) for run in runs}
        assert stage.outputs.twice() == {}
        assert {result.status for result in stage.outputs.results} == {"completed"}
        assert await stage.committed_at(0) == late.offset
        assert stage.mock.stats.snapshot()["cancelled"] == 0


async def test_a_second_sigterm_cuts_running_calls(bootstrap: str, topic_prefix: str, tmp_path: Path) -> None:
    """Exit code 0 at once; the cut calls are billed, and their offsets stay for the next worker."""
    model = "mock-t3000-i10-f5"
    async with staged(bootstrap, topic_prefix, model) as stage:
        with running_program(stage.settings, tmp_path) as program:
            await all_claimed(stage, program)
            runs = await stage.ask_many((n, stage.request(model)) for n in range(4))
            await stage.outputs.until(lambda: all(has_started(stage.outputs, run) for run in runs))
            program.terminate()
            await program.has_said("draining")
            program.terminate()
            assert await program.exit_code() == 0
        await stage.outputs.rest()
        assert stage.outputs.results == []
        assert {run: await stage.committed_at(run.partition) for run in runs} == {run: run.offset for run in runs}
        assert {(line.basis, line.reason) for line in stage.outputs.usage} == {("estimated", "cancelled")}
        assert len(stage.outputs.usage) == 4
        await eventually(lambda: stage.mock.stats.snapshot()["cancelled"] == 4)


async def test_a_group_that_another_program_uses_ends_the_worker(bootstrap: str, topic_prefix: str) -> None:
    """Offsets with metadata of somebody else are not touched; the worker says so and ends."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage:
        await stage.commit_as_somebody_else()
        with pytest.raises(SetupError, match="another program seems to use this group"):
            async with running_member(stage.settings) as member:
                await eventually(lambda: member.has_ended)
        assert await stage.committed_at(0) == 0


async def test_a_drain_is_told_and_is_no_standstill(bootstrap: str, topic_prefix: str) -> None:
    """Nothing polls any more while calls end. The liveness check once took that for a dead loop: a long drain was killed."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage, running_member(stage.settings) as member:
        await member.has_claimed(4)
        assert member.worker.readiness() is None
        run = await stage.ask(MODEL)
        await stage.outputs.until(lambda: has_started(stage.outputs, run))
        draining = asyncio.create_task(member.worker.drain())
        await eventually(lambda: member.worker.readiness() == "draining")
        member.worker.consumer.last_poll -= 1000
        assert member.worker.liveness() is None
        assert await draining == 0
