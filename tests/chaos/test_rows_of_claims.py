"""The failure table, row 22: a worker freezes inside its claim, and wakes up when the partition is another's."""

from pathlib import Path

import pytest

from streamproc.observe.events import PublishBroke
from tests.chaos.scene import QUICK, scene
from tests.chaos.step import Side


@pytest.mark.parametrize(
    ("api", "side"),
    [
        ("InitProducerId", "request"),  # between the claim's two heartbeats
        ("InitProducerId", "answer"),
        ("TxnOffsetCommit", "request"),  # after both
        ("EndTxn", "request"),
    ],
)
async def test_row_22_frozen_inside_its_claim(
    api: str, side: Side, kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    """The rightful owner may be shut out for a moment and claims back; nothing is lost, doubled or bought again."""
    async with scene(kafka, topic_prefix, tmp_path) as act:
        step = act.proxy.hold(api, side, meant=lambda request: bool(getattr(request, "transactional_id", None)))
        with act.starting_victim() as victim:
            await step.reached()
            victim.pause()
            async with act.successor() as other:
                await other.has_claimed(4)
                runs = await act.ask(QUICK, 0, 1, 2, 3)
                await act.is_answered(runs)
                step.release()
                victim.resume()
                moving = await act.ask(QUICK, 0, 1, 2, 3)
                await other.has_claimed(2)
                await act.ask(QUICK, 0, 1, 2, 3)
                assert (await act.counts()).faults == {}
                assert len(other.all(PublishBroke)) <= 4  # once for each partition
            assert act.bought_twice <= len(moving)  # those that were in flight when their partition moved
