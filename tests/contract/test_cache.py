"""The cache in a real worker: what equal requests cost, what their records say, and what a Redis that dies does to it."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from streamproc.observe.cache_events import CacheLooked, StoreTrouble
from streamproc.records.chunk import Chunk
from streamproc.records.identity import RunId, usage_id
from streamproc.records.journal import CallStarted
from streamproc.records.usage import Saved, TokenCounts
from tests.contract.harness.bookkeeping import accounted, billed
from tests.contract.harness.cancelling import cancel
from tests.contract.harness.forging import DeadOwner
from tests.contract.harness.member import Member, running_member
from tests.contract.harness.program import running_program
from tests.contract.harness.settings import PARTITIONS
from tests.contract.harness.stage import Stage, staged
from tests.contract.harness.waiting import eventually
from tests.lines import a_line, a_result
from tests.servers.redis import Redis

QUICK, SLOW, HANGING = "mock-t20-i1-f2", "mock-t40-i10-f300", "mock-t20-i1-stallonce5"
"""The last one hangs after five tokens of its first call, and of no other."""
ON: dict[str, Any] = {"enabled": True}
MANY = 1000
BUSY: dict[str, dict[str, Any]] = {
    "worker": {"max_running": MANY},
    "provider": {"timeouts": {"idle_seconds": 110}},
    "chunks": {"coalesce_seconds": 0.25, "coalesce_characters": 512},
}


async def ask_equal(stage: Stage, model: str, count: int) -> list[RunId]:
    """Equal requests, spread over the partitions."""
    return await stage.ask_many((number % PARTITIONS, stage.request(model)) for number in range(count))


async def test_an_equal_request_is_answered_without_a_call(bootstrap: str, topic_prefix: str) -> None:
    """Its chunks, its result and its line are there as for any run; nobody noted a call that might have to be paid."""
    async with staged(bootstrap, topic_prefix, QUICK, cache=ON) as stage, running_member(stage.settings) as member:
        bought = await stage.ask(QUICK)
        first = await stage.outputs.result(bought)
        hit = await stage.ask(QUICK, partition=3, user="ann")
        result = await stage.outputs.result(hit)
        await stage.has_committed(hit)
        await stage.outputs.rest()
        assert (result.status, result.cache, result.calls, result.cost_nanos) == ("completed", "hit", 0, 0)
        assert (first.cache, first.calls, first.cost_nanos) == (None, 1, 3 * 1000 + 20 * 2000)
        assert result.text == first.text == stage.outputs.text_of(hit)
        (line,) = stage.outputs.usage_of(hit)
        assert (line.basis, line.cost_nanos, line.user) == ("cache", 0, "ann")
        assert line.saved is not None
        assert (line.saved.state, line.saved.nanos) == ("hit", first.cost_nanos)
        assert (line.saved.tokens.input, line.saved.tokens.output) == (3, 20)
        assert {note.run_id for note in stage.outputs.notes if isinstance(note, CallStarted)} == {str(bought)}
        assert len(stage.mock.stats.calls) == 1
        assert [looked.outcome for looked in member.all(CacheLooked)] == ["miss", "memory"]
        sizes = member.worker.state().cache
        assert sizes is not None
        assert (sizes.entries, sizes.evicted) == (1, 0)


async def test_without_the_setting_every_request_is_a_call(bootstrap: str, topic_prefix: str) -> None:
    """Also one that would take a stored answer."""
    async with staged(bootstrap, topic_prefix, QUICK) as stage, running_member(stage.settings) as member:
        for _ in range(2):
            run = await stage.ask(QUICK, cache="use")
            assert (await stage.outputs.result(run)).cache is None
        assert len(stage.mock.stats.calls) == 2
        assert member.worker.state().cache is None


@pytest.mark.timeout(240)
async def test_a_thousand_equal_requests_make_one_call(bootstrap: str, topic_prefix: str) -> None:
    """Each has its own stream, one result and one line; one of them has paid."""
    async with staged(bootstrap, topic_prefix, SLOW, cache=ON, **BUSY) as stage, running_member(stage.settings):
        runs = await ask_equal(stage, SLOW, MANY)
        await stage.outputs.until(lambda: len(stage.outputs.results) >= MANY and len(stage.outputs.usage) >= MANY)
        await stage.outputs.rest()
        assert {result.text for result in stage.outputs.results} == {stage.outputs.text_of(runs[0])}
        assert {_streamed(chunks) for chunks in _by_run(stage).values()} == {stage.outputs.text_of(runs[0])}
        assert len(_by_run(stage)) == MANY
        assert len(billed(stage.outputs)) == MANY
        assert billed(stage.outputs, "provider") == await accounted(stage.mock, stage.outputs)
        assert len(stage.mock.stats.calls) == 1
        assert {line.saved.nanos for line in stage.outputs.usage if line.saved} == {3 * 1000 + 40 * 2000}


@pytest.mark.timeout(240)
async def test_when_the_payer_is_cancelled_there_is_one_call_more(bootstrap: str, topic_prefix: str) -> None:
    """A thousand runs in the middle of one stream: one of the others buys anew, and the rest follow that one."""
    async with (
        staged(bootstrap, topic_prefix, HANGING, cache=ON, **BUSY) as stage,
        running_member(stage.settings) as member,
    ):
        await ask_equal(stage, HANGING, MANY)
        await eventually(lambda: member.worker.state().running == MANY and _payers(member), member.worker.state)
        payer = _payers(member)[0]
        await stage.outputs.until(lambda: len({chunk.run_id for chunk in stage.outputs.chunks}) == MANY)
        await cancel(stage, RunId.parse(payer))
        await stage.outputs.until(lambda: len(stage.outputs.results) >= MANY and len(stage.outputs.usage) >= MANY)
        await stage.outputs.rest()
        assert stage.outputs.twice() == {}
        states = {result.run_id: (result.status, result.cache) for result in stage.outputs.results}
        assert len(_payers(member)) == 2
        second = _payers(member)[1]
        assert (states.pop(payer), states.pop(second)) == (("cancelled", None), ("completed", None))
        assert set(states.values()) == {("completed", "coalesced")}
        assert {result.text for result in stage.outputs.results} == {None, stage.outputs.text_of(RunId.parse(second))}
        seen = Counter(len({chunk.attempt for chunk in chunks}) for chunks in _by_run(stage).values())
        assert seen == {1: 1, 2: MANY - 1}
        assert len(await accounted(stage.mock, stage.outputs)) == 2
        assert len(billed(stage.outputs, "cache")) == MANY - 2


async def test_a_follower_has_a_deadline_of_its_own(bootstrap: str, topic_prefix: str) -> None:
    """The call that it follows hangs, and hangs on for the others when it has gone."""
    async with (
        staged(bootstrap, topic_prefix, HANGING, cache=ON, provider=BUSY["provider"]) as stage,
        running_member(stage.settings) as member,
    ):
        payer = await stage.ask(HANGING)
        await stage.outputs.until(lambda: stage.outputs.chunks_of(payer))
        follower = await stage.ask(HANGING, partition=1, deadline=stage.time_in(1.0))
        result = await stage.outputs.result(follower)
        assert (result.status, result.calls, stage.outputs.usage_of(follower)) == ("expired", 0, [])
        assert [chunk.kind for chunk in stage.outputs.chunks_of(follower)][:2] == ["start", "text"]
        assert (stage.mock.stats.snapshot()["running"], member.worker.state().running) == (1, 1)


def _by_run(stage: Stage) -> dict[str, list[Chunk]]:
    """All chunks so far, by run."""
    found: dict[str, list[Chunk]] = {}
    for chunk in stage.outputs.chunks:
        found.setdefault(chunk.run_id, []).append(chunk)
    return found


def _streamed(chunks: list[Chunk]) -> str:
    """The text of a run of one attempt."""
    return "".join(chunk.text for chunk in chunks)


def _payers(member: Member) -> list[str]:
    """Runs that made a call, in order."""
    return [looked.run_id for looked in member.all(CacheLooked) if looked.outcome == "miss"]


@pytest.mark.parametrize("requests", [500])
async def test_a_redis_that_dies_loses_and_doubles_nothing(
    bootstrap: str, topic_prefix: str, redis: Redis, requests: int
) -> None:
    """Killed in the middle, and started again, empty: only calls are made that it would have saved."""
    shared = {"enabled": True, "redis_url": redis.url, "redis_memory_seconds": 0.001, "redis_timeout_seconds": 0.5}
    async with staged(bootstrap, topic_prefix, QUICK, cache=shared) as stage, running_member(stage.settings) as member:
        outputs = stage.outputs

        async def ask(begin: int) -> None:
            messages = [[{"role": "user", "content": f"number {number % 50}"}] for number in range(requests // 4)]
            asked = [stage.request(QUICK, messages=message) for message in messages]
            await stage.ask_many((number % PARTITIONS, request) for number, request in enumerate(asked, begin))

        await ask(0)
        await outputs.until(lambda: len(outputs.results) >= requests // 4)
        await ask(1)
        redis.kill()
        await ask(2)
        await eventually(lambda: member.all(StoreTrouble))
        await outputs.until(lambda: len(outputs.results) >= 3 * requests // 4)
        redis.start()
        await ask(3)
        await outputs.until(lambda: len(outputs.results) >= requests and len(outputs.usage) >= requests)
        calls = await accounted(stage.mock, outputs)
        assert len(outputs.results) == requests
        assert outputs.twice() == {}
        assert {result.status for result in outputs.results} == {"completed"}
        assert len(billed(outputs)) == requests
        assert billed(outputs, "provider") == calls
        assert 50 <= len(calls) < requests


async def test_workers_share_what_they_store(bootstrap: str, topic_prefix: str, redis: Redis, tmp_path: Path) -> None:
    """A worker that is gone leaves its answers to the next one."""
    address = tmp_path / "redis-url"
    address.write_text(redis.url)
    shared = {"enabled": True, "redis_url_file": address, "redis_timeout_seconds": 5.0}
    async with staged(bootstrap, topic_prefix, QUICK, cache=shared) as stage:
        with running_program(stage.settings, tmp_path) as program:
            await program.has_said("started")
            await stage.outputs.result(await stage.ask(QUICK))
            await eventually(lambda: redis.ask("DBSIZE") == ":1", program.last_words)
            program.terminate()
            assert await program.exit_code() == 0, program.last_words()
        async with running_member(stage.settings) as member:
            result = await stage.outputs.result(await stage.ask(QUICK, partition=1))
            assert result.cache == "hit"
            assert [looked.outcome for looked in member.all(CacheLooked)] == ["redis"]


async def test_an_answer_of_the_cache_that_was_never_published_takes_its_line_along(
    bootstrap: str, topic_prefix: str
) -> None:
    """Its worker died between the journal and the transaction; and a line whose answer nobody has is no line."""
    async with staged(bootstrap, topic_prefix, QUICK, cache=ON) as stage:
        whole, cut = await stage.ask(QUICK), await stage.ask(QUICK)
        owner = DeadOwner(stage, "dead")
        lines = {}
        for run in (whole, cut):
            name = usage_id(str(run), 1000, 1)
            saved = Saved(state="hit", tokens=TokenCounts(input=3, output=20), nanos=43_000)
            lines[run] = a_line(str(run), basis="cache", cost_nanos=0, saved=saved)
            await owner.ended(run, name, lines[run])
        await owner.completed(whole, a_result(str(whole), cache="hit", calls=0, cost_nanos=0))
        await owner.owned(whole)
        async with running_member(stage.settings):
            remembered, bought = await asyncio.gather(*(stage.outputs.result(run) for run in (whole, cut)))
            await stage.has_committed(cut)
            await stage.outputs.rest()
            assert (remembered.text, remembered.cache) == ("bought once", "hit")
            assert stage.outputs.usage_of(whole) == [lines[whole]]
            assert (bought.cache, [line.basis for line in stage.outputs.usage_of(cut)]) == (None, ["provider"])
