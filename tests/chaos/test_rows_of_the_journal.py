"""The failure table, rows 3, 24 and 25: what the journal knows of calls whose worker is gone."""

import asyncio
from pathlib import Path
from typing import Any

from aiokafka.record.memory_records import MemoryRecords

from streamproc.records.identity import RunId
from tests.chaos.proxy import Proxy
from tests.chaos.scene import LONG, QUICK, Scene, scene
from tests.chaos.step import Hold


def hold_note(act: Scene, kind: bytes) -> Hold:
    """The victim's next request that stores a note of this kind."""
    journal = act.stage.settings.topics.journal

    def has_it(request: Any) -> bool:
        batches = [data for topic, parts in request.topics if topic == journal for _, data in parts]
        return any(b'"kind":"%b"' % kind in record.value for data in batches for record in _records(data))

    return act.proxy.hold("Produce", "request", topic=journal, meant=has_it)


def _records(data: bytes) -> list[Any]:
    batches, found = MemoryRecords(data), list[Any]()
    while batches.has_next():
        found += list(batches.next_batch())
    return found


def bases(act: Scene, run: RunId) -> list[str]:
    """How sure the lines of a run's bill are."""
    return sorted(line.basis for line in act.stage.outputs.usage_of(run))


async def test_row_3_killed_before_its_answer_is_noted(embedded: str, topic_prefix: str, tmp_path: Path) -> None:
    """The provider has served it, and nobody knows: it is bought again, and the lost call is billed at its most."""
    async with scene(embedded, topic_prefix, tmp_path) as act:
        async with act.victim() as victim:
            step = hold_note(act, b"ended")
            (run,) = await act.ask(QUICK, 0)
            await step.reached()
            assert act.stage.mock.stats.snapshot()["completed"] == 1
            victim.kill()
            step.cut()
        async with act.successor():
            assert (await act.counts()).faults == {}
        assert act.bought_twice == 1
        assert bases(act, run) == ["provider", "upper_bound"]


async def test_row_24_killed_before_its_answer_is_published(embedded: str, topic_prefix: str, tmp_path: Path) -> None:
    """The next owner publishes the answer from the journal: one call, with its own usage line."""
    async with scene(embedded, topic_prefix, tmp_path) as act:
        async with act.victim() as victim:
            step = act.proxy.hold("AddPartitionsToTxn", "request")
            (run,) = await act.ask(QUICK, 0)
            await step.reached()
            victim.kill()
            step.cut()
        async with act.successor():
            assert (await act.counts()).faults == {}
        assert act.bought_twice == 0
        assert bases(act, run) == ["provider"]


async def test_row_24_the_bill_of_an_answer_in_the_journal_is_written_once(
    embedded: str, topic_prefix: str, tmp_path: Path
) -> None:
    """Also when the next owner looks for lost calls before it has read the request that the answer is for.

    A chaos run had found the line twice: once as that of a lost call, once with the result.
    """
    async with scene(embedded, topic_prefix, tmp_path) as act, Proxy(embedded) as slow:
        async with act.victim() as victim:
            step = act.proxy.hold("AddPartitionsToTxn", "request")
            (run,) = await act.ask(QUICK, 0)
            await step.reached()
            victim.kill()
            step.cut()
        fetched = slow.hold("Fetch", "answer", topic=run.topic)
        async with act.successor(slow) as successor:
            await fetched.reached()
            await successor.has_claimed(4)
            await asyncio.sleep(1)  # the search for lost calls is told of by nothing when it finds none
            fetched.release()
            assert (await act.counts()).faults == {}
        assert bases(act, run) == ["provider"]


async def test_row_25_a_frozen_worker_begins_no_call(embedded: str, topic_prefix: str, tmp_path: Path) -> None:
    """Its note was on the way when it froze; when it wakes up its lease is over, and its successor has all the runs."""
    async with scene(embedded, topic_prefix, tmp_path) as act:
        async with act.victim() as victim:
            step = hold_note(act, b"started")
            runs = await act.ask(QUICK, 0)
            await step.reached()
            victim.pause()
            step.release()
            async with act.successor() as other:
                await other.has_claimed(4)
                await act.is_answered(runs)
                victim.resume()
                await other.has_claimed(2)
                await act.ask(QUICK, 0, 1, 2, 3)
                assert (await act.counts()).faults == {}
        assert act.bought_twice == 0


async def test_row_25_a_frozen_workers_calls_are_billed(embedded: str, topic_prefix: str, tmp_path: Path) -> None:
    """They ran while it slept; each call has one line in the end, whoever writes it."""
    async with scene(embedded, topic_prefix, tmp_path) as act:
        async with act.victim() as victim:
            runs = await act.ask(LONG, 0, 1, 2, 3)
            await act.is_streaming(runs)
            victim.pause()
            async with act.successor() as other:
                await other.has_claimed(4)
                await act.is_answered(runs)
                victim.resume()
                await other.has_claimed(2)
                await act.ask(QUICK, 0, 1, 2, 3)
                assert (await act.counts()).faults == {}
        assert act.bought_twice == 4
