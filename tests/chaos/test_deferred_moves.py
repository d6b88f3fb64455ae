"""A run that leaves its window for the topic of deferred runs: record and offset are one transaction."""

from pathlib import Path

import pytest

from tests.chaos.scene import QUICK, scene
from tests.chaos.step import Side
from tests.contract.harness.cancelling import cancel, ended, is_cancelled
from tests.contract.harness.waiting import eventually


@pytest.mark.parametrize(
    ("api", "side", "is_moved"),
    [("TxnOffsetCommit", "request", False), ("EndTxn", "request", False), ("EndTxn", "answer", True)],
)
async def test_killed_while_it_moves_a_run(
    api: str, side: Side, is_moved: bool, embedded: str, topic_prefix: str, tmp_path: Path
) -> None:
    """It is on one topic or on the other, never on none or on both; whoever has it next ends it once."""
    async with scene(embedded, topic_prefix, tmp_path, worker={"max_window": 1}) as act:
        stage, outputs = act.stage, act.stage.outputs
        async with act.victim() as victim:
            step = act.proxy.hold(api, side)
            (run,) = await act.ask(QUICK, 0, not_before=stage.time_in(600))
            await step.reached()
            victim.kill()
            step.cut()
        await outputs.rest()
        assert len(outputs.deferred) == is_moved
        assert (await stage.committed_at(0) != run.offset) is is_moved
        async with act.successor() as other:
            await outputs.until(lambda: outputs.deferred)
            await stage.has_committed(run)
            await eventually(lambda: other.worker.state().waiting == 1, other.worker.state)
            await cancel(stage, run)
            assert is_cancelled(await ended(stage, run))
        await outputs.rest()
        assert (len(outputs.deferred), len(outputs.results), len(outputs.usage)) == (1, 1, 0)
