"""The failure table, rows 1, 2, 9 and 12: a worker dies, freezes or has to share while its calls run."""

from pathlib import Path

from streamproc.records.identity import RunId
from streamproc.records.view import Piece, Reset, StreamView
from tests.chaos.scene import LONG, QUICK, Scene, scene


async def test_row_1_killed_between_fetch_and_call(embedded: str, topic_prefix: str, tmp_path: Path) -> None:
    """A run that waits in the window is nobody's but the committed offset's: the next owner makes its only call."""
    async with scene(embedded, topic_prefix, tmp_path) as act:
        async with act.victim() as victim:
            (waiting,) = await act.ask(QUICK, 0, not_before=act.stage.time_in(6))
            (behind,) = await act.ask(QUICK, 0)
            await act.is_answered([behind])
            assert act.stage.mock.stats.snapshot()["requests"] == 1
            victim.kill()
        async with act.successor():
            await act.is_answered([waiting])
            assert (await act.counts()).faults == {}
            assert act.bought_twice == 0


async def test_row_2_killed_in_the_middle_of_streams(embedded: str, topic_prefix: str, tmp_path: Path) -> None:
    """What it said stays visible; the next owner says it again under a higher attempt, which alone has a result."""
    async with scene(embedded, topic_prefix, tmp_path) as act:
        async with act.victim() as victim:
            runs = await act.ask(LONG, 0, 1, 2, 3)
            await act.is_streaming(runs)
            victim.kill()
        async with act.successor():
            counts = await act.counts()
        assert counts.faults == {}
        assert act.bought_twice == 4
        for run in runs:
            first, last = sorted({chunk.attempt for chunk in act.stage.outputs.chunks_of(run)})
            assert first < last == (await act.stage.outputs.result(run)).attempt


async def test_row_9_another_worker_joins_and_leaves_while_calls_run(
    embedded: str, topic_prefix: str, tmp_path: Path
) -> None:
    """Everything is answered once, and on the partitions that stay where they are nothing is bought again."""
    async with scene(embedded, topic_prefix, tmp_path) as act, act.victim():
        first = await act.ask(LONG, 0, 1, 2, 3)
        await act.is_streaming(first)
        async with act.successor() as other:
            await other.has_claimed(2)
            moved = {assignment.key.partition for assignment in other.requested}
            await act.is_answered(first)
            second = await act.ask(LONG, 0, 1, 2, 3)
            await act.is_streaming(second)
        assert (await act.counts()).faults == {}
        stayed = [run for run in (*first, *second) if run.partition not in moved]
        assert len(stayed) == 4
        assert [act.calls_of(run) for run in stayed] == [1] * 4


async def test_row_12_chunks_of_a_frozen_worker_come_late(embedded: str, topic_prefix: str, tmp_path: Path) -> None:
    """Its producer of chunks is not shut out: they stand behind those of the higher attempt, and readers ignore them."""
    async with scene(embedded, topic_prefix, tmp_path) as act:
        async with act.victim() as victim:
            runs = await act.ask(LONG, 0)
            await act.is_streaming(runs)
            step = act.proxy.hold("Produce", "request", topic=act.stage.settings.topics.chunks)
            await step.reached()
            victim.pause()
            async with act.successor():
                await act.is_answered(runs)
                step.release()
                late = len(act.stage.outputs.chunks)
                await act.stage.outputs.until(lambda: len(act.stage.outputs.chunks) > late)
                (result,) = act.stage.outputs.results
                assert (act.stage.outputs.chunks[-1].attempt) < (result.attempt or 0)
                victim.resume()
                counts = await act.counts()
        assert counts.faults == {}
        assert seen(act, *runs) == result.text


def seen(act: Scene, run: RunId) -> str:
    """What a reader shows in the end who reads all chunks of a run before its result."""
    view, text = StreamView(str(run)), ""
    result = act.stage.outputs.results_of(run)[0]
    for update in [
        *(one for chunk in act.stage.outputs.chunks_of(run) for one in view.add_chunk(chunk)),
        *view.add_result(result),
    ]:
        if isinstance(update, Reset):
            text = ""
        elif isinstance(update, Piece):
            text += update.chunk.text
    assert view.is_over
    return text
