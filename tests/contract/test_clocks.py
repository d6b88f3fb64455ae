"""Workers whose clocks differ: attempts grow all the same, and the one that is behind says so."""

import time

from streamproc.kafka.metadata import CommitMetadata
from streamproc.observe.events import ClockBehind
from tests.contract.harness.forging import DeadOwner
from tests.contract.harness.member import running_member
from tests.contract.harness.stage import staged

MODEL = "mock-t2-i0-f0"


async def test_a_clock_that_is_behind_the_last_owner_s_is_told(bootstrap: str, topic_prefix: str) -> None:
    """Nothing told it, and bills of a crash were looked for at the wrong time. A minute is nothing, an hour is."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage:
        near, far = await stage.ask(MODEL, partition=0), await stage.ask(MODEL, partition=1)
        now = int(time.time())
        await DeadOwner(stage, "near").owned(near, CommitMetadata(epoch=now + 30, owner="near", journal=0))
        await DeadOwner(stage, "far").owned(far, CommitMetadata(epoch=now + 3600, owner="far", journal=0))
        async with running_member(stage.settings) as member:
            await member.has_claimed(4)
            await stage.outputs.until(lambda: stage.outputs.results_of(near) and stage.outputs.results_of(far))
        (told,) = member.all(ClockBehind)
        assert told.partition == far.partition
        assert 3000 < told.seconds <= 3601
        (result,) = stage.outputs.results_of(far)
        assert (result.attempt or 0) >= (now + 3601) * 1000
