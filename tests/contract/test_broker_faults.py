"""A broker that is killed, or stands still. These tests have one of their own, started again for each fault."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from streamproc.records.identity import RunId
from tests.contract.harness.cancelling import cancel, is_cancelled, is_streaming, remembered
from tests.contract.harness.member import running_member
from tests.contract.harness.stage import Stage, staged
from tests.contract.harness.waiting import eventually, eventually_found, stays
from tests.servers.kafka import Broker
from tests.servers.process import ServerMissing


@pytest.fixture(scope="module")
def broker(kafka: str) -> Iterator[Broker]:
    """A broker that may be hurt. The shared one is asked for first: without it there is none here either."""
    try:
        own = Broker()
    except ServerMissing as missing:
        pytest.skip(str(missing))
    with own:
        yield own


def is_flowing(stage: Stage, runs: list[RunId]) -> bool:
    """Whether the call of each run has begun, which it does not without its journal, and some of it is there."""
    stats = stage.mock.stats.snapshot()
    return bool(stats["requests"] == len(runs) and stats["output_tokens"] > 20 * len(runs))


async def test_a_restart_of_the_broker_loses_nothing(broker: Broker, topic_prefix: str) -> None:
    """It is killed in mid-run and comes back with its data: everything is answered, texts are whole."""
    model = "mock-t100-i10-f5"
    async with staged(broker.bootstrap, topic_prefix, model) as stage, running_member(stage.settings) as member:
        await member.has_claimed(4)
        runs = await stage.ask_many((n % 4, stage.request(model)) for n in range(20))
        await eventually(lambda: is_flowing(stage, runs))
        assert stage.mock.stats.snapshot()["running"] == 20
        broker.kill()
        broker.launch()
        await asyncio.to_thread(broker.wait_until_ready)
        await stage.outputs.until(lambda: all(stage.outputs.results_of(run) for run in runs))
        await asyncio.gather(*(stage.has_committed(run) for run in runs[-4:]))
        await stage.outputs.rest()
        for run in runs:
            result = stage.outputs.results_of(run)[-1]
            chunks = {c.seq: c.text for c in stage.outputs.chunks_of(run) if c.attempt == result.attempt}
            assert (result.status, result.text) == ("completed", "".join(text for _, text in sorted(chunks.items())))


async def test_cancels_are_read_on_after_a_restart_of_the_broker(broker: Broker, topic_prefix: str) -> None:
    """Those from before it hold, and new ones come through."""
    model = "mock-t2000-i50-f5"
    async with staged(broker.bootstrap, topic_prefix, model) as stage, running_member(stage.settings) as member:
        await member.has_claimed(4)
        one, two = [await stage.ask(model, partition=number) for number in range(2)]
        await is_streaming(stage, one, two)
        await cancel(stage, one)
        assert is_cancelled(await stage.outputs.result(one))
        await cancel(stage, request_id="later")
        await eventually(lambda: remembered(member) == 2)
        broker.kill()
        broker.launch()
        await asyncio.to_thread(broker.wait_until_ready)
        await cancel(stage, two)
        assert is_cancelled(await stage.outputs.result(two))
        assert remembered(member) == 3


async def test_a_broker_that_stands_still_fills_a_bounded_buffer(broker: Broker, topic_prefix: str) -> None:
    """Twenty streams wait for it with no more than the buffer's bytes; then all goes on, and nothing is lost.

    A full buffer takes nothing more until half of it has gone. A test that waited for more than the bound failed where
    the broker stood still after it had acknowledged a part: 40 KB of 64 were left, and rightly no more came.
    """
    # On a busy machine a good part of an answer has passed before the broker stands still.
    model, tokens, cap = "mock-t2500-i5-f5", 2500, 65_536
    async with (
        staged(broker.bootstrap, topic_prefix, model, chunks={"max_buffered_bytes": cap, "coalesce": False}) as stage,
        running_member(stage.settings) as member,
    ):
        await member.has_claimed(4)

        def buffered() -> int:
            return member.worker.state().buffered_bytes

        runs = await stage.ask_many((n % 4, stage.request(model, max_output_tokens=tokens)) for n in range(20))
        await eventually(lambda: is_flowing(stage, runs))
        broker.pause()
        try:
            await eventually(lambda: buffered() > cap // 2)
            await eventually_found(lambda: stays(buffered, 2))
            # Each stream may have one piece more on its way when the buffer is full.
            assert cap // 2 < buffered() < cap + 20 * 2000
        finally:
            broker.resume()
        for run in runs:
            result = await stage.outputs.result(run)
            assert (result.status, len((result.text or "").split())) == ("completed", tokens)
        await stage.outputs.rest()
        assert [stage.outputs.text_of(run) for run in runs] == [stage.outputs.results_of(run)[0].text for run in runs]
        assert stage.mock.stats.snapshot()["requests"] == 20
        assert buffered() == 0


async def test_a_provider_is_not_read_while_the_buffer_is_full(broker: Broker, topic_prefix: str) -> None:
    """What it sends stays in its sockets, so it stops sending; its silence is not taken for a fault."""
    model, tokens = "mock-t50000-i0-f700", 50_000
    changes: dict[str, dict[str, Any]] = {
        "chunks": {"max_buffered_bytes": 1_000_000, "coalesce": False},
        "limits": {"max_output_tokens": tokens},
        "provider": {"timeouts": {"idle_seconds": 1.0}},
    }
    async with (
        staged(broker.bootstrap, topic_prefix, model, **changes) as stage,
        running_member(stage.settings) as member,
    ):
        await member.has_claimed(4)

        def served() -> int:
            return int(stage.mock.stats.snapshot()["output_tokens"])

        run = await stage.ask(model, max_output_tokens=tokens)
        await eventually(lambda: stage.mock.stats.snapshot()["running"])
        broker.pause()
        try:
            await eventually(served)
            before = -1
            while before != served():
                before = served()
                await asyncio.sleep(0.3)
            assert before < tokens
            assert await stays(served, 1.2)
        finally:
            broker.resume()
        result = await stage.outputs.result(run)
        await stage.outputs.until(lambda: len(stage.outputs.chunks_of(run)) >= result.chunk_count)
        assert (result.status, result.calls, result.output_tokens) == ("completed", 1, tokens)
        assert result.text == stage.outputs.text_of(run)
