"""Order by key: results of one record key come in the order of its records, whatever happens to the workers."""

import json
from collections.abc import Sequence
from itertools import pairwise

from streamproc.records.identity import RunId
from streamproc.settings.kafka import SourceSettings
from streamproc.settings.settings import Settings
from tests.contract.harness.cancelling import cancel
from tests.contract.harness.member import running_member
from tests.contract.harness.stage import Stage, staged

SLOW, QUICK = "mock-t5-i1-f200", "mock-t2-i0-f0"
ENDLESS = "mock-t10-i2-f600000"


def by_key(settings: Settings) -> Settings:
    """The same, with an order by key."""
    sources = tuple(SourceSettings(topic=source.topic, order="key") for source in settings.sources)
    return settings.model_copy(update={"sources": sources})


async def send(stage: Stage, key: str, models: Sequence[str], partition: int = 0) -> list[RunId]:
    """Requests of one key, one for each model."""
    return [
        await stage.publish(json.dumps(stage.request(model)).encode(), key=key.encode(), partition=partition)
        for model in models
    ]


def places(stage: Stage, runs: Sequence[RunId]) -> list[int]:
    """Where the results of runs stand among all that were read of their partition."""
    order = [result.run_id for result in stage.outputs.results]
    return [order.index(str(run)) for run in runs]


async def test_answers_of_one_key_come_in_order(bootstrap: str, topic_prefix: str) -> None:
    """A quick one waits for the slow one before it: a call begins only after the end of the one before."""
    async with staged(bootstrap, topic_prefix, SLOW, QUICK) as stage:
        mixed = await send(stage, "mixed", [SLOW, QUICK, SLOW, QUICK, QUICK])
        async with running_member(by_key(stage.settings)):
            results = [await stage.outputs.result(run) for run in mixed]
            assert places(stage, mixed) == sorted(places(stage, mixed))
            await stage.outputs.rest()
            lines = [next(line for line in stage.outputs.usage if line.run_id == result.run_id) for result in results]
            assert all(before.ended_at <= after.started_at for before, after in pairwise(lines))


async def test_the_order_stands_when_partitions_move(bootstrap: str, topic_prefix: str) -> None:
    """A second worker joins in the middle, and the first one leaves: nobody overtakes, and nobody is lost."""
    async with staged(bootstrap, topic_prefix, SLOW, QUICK) as stage:
        settings = by_key(stage.settings)
        lines = [
            await send(stage, f"key-{partition}-{number}", [SLOW, QUICK] * 4, partition)
            for partition in range(4)
            for number in range(2)
        ]
        async with running_member(settings) as first:
            for runs in lines:
                await stage.outputs.result(runs[0])
            async with running_member(settings) as second:
                await second.has_claimed(2)
                await first.worker.drain()
                for runs in lines:
                    for run in runs:
                        await stage.outputs.result(run)
        for runs in lines:
            assert places(stage, runs) == sorted(places(stage, runs))


async def test_the_cancel_of_the_first_lets_the_next_one_go(bootstrap: str, topic_prefix: str) -> None:
    """Which has waited for it; other keys, and records without one, have not."""
    async with staged(bootstrap, topic_prefix, ENDLESS, QUICK) as stage, running_member(by_key(stage.settings)):
        endless, behind = await send(stage, "key", [ENDLESS, QUICK])
        beside = await send(stage, "other", [QUICK])
        beside.append(await stage.publish(json.dumps(stage.request(QUICK)).encode(), partition=0))
        for run in beside:
            await stage.outputs.result(run)
        assert stage.outputs.results_of(behind) == []
        await cancel(stage, endless)
        assert (await stage.outputs.result(behind)).status == "completed"
        assert (await stage.outputs.result(endless)).status == "cancelled"
