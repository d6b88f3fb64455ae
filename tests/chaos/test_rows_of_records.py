"""The failure table, rows 16 to 19: what stands in the topics is itself the trouble."""

from pathlib import Path

from tests.chaos.reader import Reader
from tests.chaos.scene import QUICK, SLOW, scene

_WINDOW = 50


async def test_row_16_the_map_does_not_outgrow_its_place(embedded: str, topic_prefix: str, tmp_path: Path) -> None:
    """Behind a slow head the window stops, at a cap and one poll more; a kill then repeats nothing but the head."""
    async with scene(embedded, topic_prefix, tmp_path, worker={"max_window": _WINDOW}) as act:
        async with act.victim() as victim:
            (head,) = await act.ask(SLOW, 0)
            behind = await act.ask(QUICK, *[0] * 200)
            await act.is_answered(behind[: _WINDOW - 1])
            assert act.stage.outputs.results_of(head) == []
            assert await act.stage.committed_at(0) == head.offset
            assert len(act.stage.outputs.results) < _WINDOW + 100
            async with Reader(act.stage.settings) as reader:
                await reader.look_at_offsets()
            assert len(reader.last[0].done) >= _WINDOW - 1
            victim.kill()
        async with act.successor():
            assert (await act.counts()).faults == {}


async def test_row_17_offsets_that_kafka_forgot(embedded: str, topic_prefix: str, tmp_path: Path) -> None:
    """The next worker ends with a sentence, instead of answering everything once more."""
    kafka = {"start_without_offset": "refuse"}
    async with scene(embedded, topic_prefix, tmp_path, kafka=kafka) as act:
        async with act.victim() as victim:
            await act.ask(QUICK, 0, 1, 2, 3)
            assert (await act.counts()).faults == {}
            victim.terminate()
            await victim.exit_code()
        await act.stage.forget_offsets()
        with act.starting_victim() as victim:
            assert await victim.exit_code() == 2
            await victim.has_said("has no committed offset for it")
        await act.stage.outputs.rest()
        assert len(act.stage.outputs.results) == 4
        assert act.bought_twice == 0


async def test_row_18_a_sender_publishes_a_request_twice(embedded: str, topic_prefix: str, tmp_path: Path) -> None:
    """Two records are two runs: each has its result and its bill, under an id of its own."""
    async with scene(embedded, topic_prefix, tmp_path) as act, act.victim():
        runs = await act.ask(QUICK, 0, 0, request_id="the same")
        assert (await act.counts()).faults == {}
        assert act.bought_twice == 0
        assert {len(act.stage.outputs.usage_of(run)) for run in runs} == {1}
        assert {result.request_id for result in act.stage.outputs.results} == {"the same"}


async def test_row_19_killed_with_a_poison_request(embedded: str, topic_prefix: str, tmp_path: Path) -> None:
    """Its rejection, its dead letter and its offset are one transaction: not seen without its end, and then once."""
    async with scene(embedded, topic_prefix, tmp_path) as act:
        outputs = act.stage.outputs
        async with act.victim() as victim:
            step = act.proxy.hold("TxnOffsetCommit", "request")
            poison = await act.stage.publish(b"no JSON", partition=1)
            await step.reached()
            await outputs.committed_so_far()
            assert (outputs.results, outputs.dead) == ([], [])
            victim.kill()
            step.cut()
        async with act.successor():
            assert (await outputs.result(poison)).status == "rejected"
            await act.stage.has_committed(poison)
            await outputs.rest()
        assert (len(outputs.results), len(outputs.dead), len(outputs.usage)) == (1, 1, 0)
        assert act.stage.mock.stats.snapshot()["requests"] == 0
