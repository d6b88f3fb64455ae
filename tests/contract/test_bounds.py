"""What one worker takes at a time, and what it leaves in Kafka."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiokafka import TopicPartition

from streamproc.observe.events import PartitionChanged
from streamproc.observe.gauges import PartitionState
from tests.contract.harness.cancelling import cancel
from tests.contract.harness.member import running_member
from tests.contract.harness.stage import staged
from tests.contract.harness.waiting import eventually, stays

QUICK, SLOW = "mock-t5-i1-f2", "mock-t10-i2-f600000"
"""The slow one goes on until it is cancelled, so that no machine is too slow to see what it holds up."""


@asynccontextmanager
async def peak(figure: Callable[[], int]) -> AsyncIterator[list[int]]:
    """The highest value of a figure while the block runs; looked at every two milliseconds."""
    seen = [0]

    async def watch() -> None:
        while True:
            seen.append(max(seen[-1], figure()))
            await asyncio.sleep(0.002)

    watching = asyncio.create_task(watch())
    try:
        yield seen
    finally:
        watching.cancel()


async def test_no_more_calls_run_than_allowed(bootstrap: str, topic_prefix: str) -> None:
    """The provider never sees more calls at once, and sees that many when there is work."""
    model = "mock-t5-i10-f30"
    async with (
        staged(bootstrap, topic_prefix, model, worker={"max_running": 3}) as stage,
        running_member(stage.settings),
        peak(lambda: stage.mock.stats.snapshot()["running"]) as running,
    ):
        runs = await stage.ask_many((n % 4, stage.request(model)) for n in range(24))
        results = [await stage.outputs.result(run) for run in runs]
        assert {result.status for result in results} == {"completed"}
        assert running[-1] == 3


async def test_a_slow_head_holds_up_its_own_partition_only(bootstrap: str, topic_prefix: str) -> None:
    """At its window's cap a partition is paused and its records stay in Kafka; the others go on, and later it does."""
    async with (
        staged(bootstrap, topic_prefix, QUICK, SLOW, worker={"max_window": 4}) as stage,
        running_member(stage.settings) as member,
    ):
        head = await stage.ask(SLOW)
        behind = await stage.ask_many((0, stage.request(QUICK)) for _ in range(150))
        beside = await stage.ask_many((n % 3 + 1, stage.request(QUICK)) for n in range(30))
        for run in beside:
            await stage.outputs.result(run)
        assert stage.outputs.results_of(head) == []
        key = TopicPartition(stage.settings.sources[0].topic, 0)

        def held() -> PartitionState:
            (found,) = [item for item in member.worker.state().partitions if (item.topic, item.partition) == key]
            return found

        await eventually(lambda: held().paused, held)
        # What one poll has brought is taken whole: at most 100 records.
        assert 4 <= held().window < 4 + 100
        # Its lag tells of all that waits, although nothing is fetched from it any more.
        await eventually(lambda: member.worker.consumer.lag(key) == 1 + len(behind), lambda: member.worker.consumer)
        assert not any(stage.outputs.results_of(run) for run in behind[110:])
        await cancel(stage, head)
        for run in behind:
            assert (await stage.outputs.result(run)).status == "completed"
        await stage.has_committed(behind[-1])
        changes = [event.change for event in member.all(PartitionChanged) if (event.topic, event.partition) == key]
        assert changes[:3] == ["claimed", "paused", "resumed"]


async def test_finished_runs_behind_an_unfinished_one_are_not_committed(bootstrap: str, topic_prefix: str) -> None:
    """The committed offset is that of the lowest unfinished run, in whatever order runs end."""
    async with staged(bootstrap, topic_prefix, QUICK, SLOW) as stage, running_member(stage.settings):
        first = await stage.ask_many((0, stage.request(QUICK)) for _ in range(3))
        slow = await stage.ask(SLOW)
        later = await stage.ask_many((0, stage.request(QUICK)) for _ in range(5))
        for run in (*first, *later):
            await stage.outputs.result(run)
        await stage.has_committed(first[-1])
        assert await stage.committed_at(0) == slow.offset
        assert stage.outputs.results_of(slow) == []
        await cancel(stage, slow)
        await stage.has_committed(later[-1])
        await stage.outputs.rest()
        assert len(stage.outputs.results_of(slow)) == 1
        assert stage.outputs.twice() == {}


async def test_queued_bytes_have_a_cap(bootstrap: str, topic_prefix: str) -> None:
    """Requests that wait for a slot take no more memory than that; the rest waits in Kafka, and all are answered."""
    model = "mock-t2-i1-f40"
    bounds = {"max_running": 4, "max_queued_bytes": 100_000}
    async with (
        staged(bootstrap, topic_prefix, model, worker=bounds) as stage,
        running_member(stage.settings) as member,
        peak(lambda: member.worker.state().queued_bytes) as queued,
    ):
        content = [{"role": "user", "content": "x" * 30_000}]
        runs = await stage.ask_many((n % 4, stage.request(model, messages=content)) for n in range(120))
        results = [await stage.outputs.result(run) for run in runs]
        assert {result.status for result in results} == {"completed"}
        # What one fetch has brought is taken whole: at most 256 KiB of each partition.
        assert 90_000 < queued[-1] < 100_000 + 4 * 300_000
        assert member.worker.state().queued_bytes == 0


async def test_a_source_can_pin_its_tenant(bootstrap: str, topic_prefix: str) -> None:
    """Whatever a record says, its bill goes to the source's tenant."""
    pinned, free = f"{topic_prefix}.pinned", f"{topic_prefix}.free"
    async with (
        staged(bootstrap, topic_prefix, QUICK, sources={pinned: "acme", free: None}) as stage,
        running_member(stage.settings),
    ):
        runs = [await stage.ask(QUICK, topic=topic, tenant="mallory") for topic in (pinned, free)]
        results = [await stage.outputs.result(run) for run in runs]
        await stage.outputs.until(lambda: len(stage.outputs.usage) == 2)
        assert [result.tenant for result in results] == ["acme", "mallory"]
        assert [stage.outputs.usage_of(run)[0].tenant for run in runs] == ["acme", "mallory"]
        assert {chunk.tenant for chunk in stage.outputs.chunks_of(runs[0])} == {"acme"}
        nobody = await stage.publish(b"no request", topic=pinned)
        assert (await stage.outputs.result(nobody)).tenant == "acme"


async def test_a_flooding_tenant_does_not_hold_up_another(bootstrap: str, topic_prefix: str) -> None:
    """Ready runs are served in rotation over tenants, not in the order they came."""
    model = "mock-t3-i1-f30"
    async with (
        staged(bootstrap, topic_prefix, model, worker={"max_running": 2}) as stage,
        running_member(stage.settings),
    ):
        flood = await stage.ask_many((0, stage.request(model, tenant="flood")) for _ in range(100))
        quiet = await stage.ask_many((1, stage.request(model, tenant="quiet")) for _ in range(3))
        served = max([(await stage.outputs.result(run)).finished_at for run in quiet])
        before = [run for run in flood if (await stage.outputs.result(run)).finished_at < served]
        assert len(before) < 60


async def test_two_hundred_requests_get_two_hundred_results(bootstrap: str, topic_prefix: str) -> None:
    """Several tenants and models; the whole bill equals the provider's own."""
    models = ("mock-t5-i1-f2", "mock-t9-i1-f5", "mock-eonce500-t3-i1", "mock-t12-i0-f0")
    async with staged(bootstrap, topic_prefix, *models) as stage, running_member(stage.settings):
        runs = await stage.ask_many(
            (n % 4, stage.request(models[n // 4 % 4], tenant=f"tenant-{n % 3}")) for n in range(200)
        )
        await stage.outputs.until(lambda: len(stage.outputs.results) >= 200)
        await asyncio.gather(*(stage.has_committed(run) for run in runs[-4:]))
        await stage.outputs.rest()
        assert {result.run_id for result in stage.outputs.results} == {str(run) for run in runs}
        assert (len(stage.outputs.results), stage.outputs.twice()) == (200, {})
        assert {result.status for result in stage.outputs.results} == {"completed"}
        for run in runs:
            assert stage.outputs.results_of(run)[0].text == stage.outputs.text_of(run)
        served = stage.mock.stats.snapshot()
        assert sum(line.tokens.output or 0 for line in stage.outputs.usage) == served["output_tokens"]
        assert sum(line.tokens.input or 0 for line in stage.outputs.usage) == served["input_tokens"]
        assert len({line.usage_id for line in stage.outputs.usage}) == len(stage.outputs.usage) == 200


async def test_a_provider_that_is_away_fills_the_window_and_no_more(bootstrap: str, topic_prefix: str) -> None:
    """Overload is lag in Kafka, not a drained topic; when the provider is back, everything is answered."""
    async with (
        staged(bootstrap, topic_prefix, QUICK, worker={"max_window": 5}) as stage,
        running_member(stage.settings) as member,
    ):
        port = stage.mock.port
        await stage.mock.close()
        runs = await stage.ask_many((0, stage.request(QUICK)) for _ in range(150))

        def held() -> list[tuple[int, bool]]:
            return [
                (item.window, item.paused)
                for item in member.worker.state().partitions
                if (item.topic, item.partition) == (runs[0].topic, 0)
            ]

        # What one poll has brought is taken whole: at most 100 records.
        await eventually(lambda: held() and 5 <= held()[0][0] < 5 + 100 and held()[0][1], held)
        assert await stays(held, 0.5)
        assert await stage.committed_at(0) == runs[0].offset
        assert stage.outputs.results == []
        await stage.restart_mock(port)
        results = [await stage.outputs.result(run) for run in runs]
        assert {(result.status, result.cost_nanos) for result in results} == {("completed", 13_000)}
