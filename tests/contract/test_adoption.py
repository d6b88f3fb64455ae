"""What a dead owner left in the journal is taken over: its answers, its bills, its lost calls."""

from typing import Any

import pytest

from streamproc.records.codec import encode_usage
from streamproc.records.identity import RunId
from streamproc.records.usage import UsageLine
from tests.contract.harness.forging import DeadOwner
from tests.contract.harness.member import running_member
from tests.contract.harness.stage import Stage, staged
from tests.lines import a_line, a_result

MODEL, LONG = "mock-t5-i1", "mock-t100-i10"
PAST_EVERY_CALL = 1000.0


def lost_call(run: RunId, attempt: int, **fields: Any) -> UsageLine:
    """The bound of a lost call."""
    return a_line(str(run), attempt, basis="upper_bound", reason="lost", **fields)


async def everything_else(stage: Stage, run: RunId) -> None:
    """Waits until a later request of the same partition is committed, and reads what is there."""
    last = await stage.ask(MODEL, partition=run.partition)
    await stage.has_committed(last)
    await stage.outputs.rest()


@pytest.mark.parametrize("max_bytes", [10**6, 12_200])
async def test_a_finished_answer_is_published_as_it_was(bootstrap: str, topic_prefix: str, max_bytes: int) -> None:
    """No call is made for it, and the bill is the original one. It may stand there in parts."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage:
        run = await stage.ask(MODEL)
        dead, line, answer = DeadOwner(stage, "dead"), a_line(str(run)), a_result(str(run), text="abc" * 3000)
        await dead.started(run, line)
        await dead.ended(run, line.usage_id, line)
        await dead.completed(run, answer, max_bytes=max_bytes)
        await dead.owned(run)
        async with running_member(stage.settings):
            assert await stage.outputs.result(run) == answer
            await stage.outputs.until(lambda: stage.outputs.usage_of(run))
            await everything_else(stage, run)
        assert stage.outputs.usage_of(run) == [line]
        assert stage.mock.stats.snapshot()["requests"] == 1


@pytest.mark.parametrize("ce_id", [b"\xff", None])
async def test_an_id_that_is_no_text_stops_nobody(bootstrap: str, topic_prefix: str, ce_id: bytes | None) -> None:
    """In a header of somebody else's record on the usage topic, where bills are looked for that were published.

    It once ended every worker that claimed the partition, as long as the dead owner's call was in the journal.
    """
    async with staged(bootstrap, topic_prefix, MODEL) as stage:
        run = await stage.ask(MODEL)
        dead, line = DeadOwner(stage, "dead"), a_line(str(run))
        await dead.started(run, line)
        await dead.ended(run, line.usage_id, line)
        await dead.completed(run, a_result(str(run)))
        await dead.owned(run)
        other = encode_usage(a_line("somebody/0/0@1"))
        await stage.publish(other, headers=[("ce_id", ce_id)], topic=stage.settings.topics.usage)
        async with running_member(stage.settings):
            assert await stage.outputs.result(run) == a_result(str(run))
            await everything_else(stage, run)
        assert stage.outputs.usage_of(run) == [line]


async def test_a_bill_is_published_once_also_when_the_answer_comes_later(bootstrap: str, topic_prefix: str) -> None:
    """The request is read long after the journal. The bill came once from there, and again with the answer."""
    async with staged(bootstrap, topic_prefix, MODEL, LONG, worker={"max_window": 1}) as stage:
        # One poll takes a hundred records, and then there is no room until the first one is done.
        before = await stage.ask(LONG)
        await stage.ask_many((0, stage.request(MODEL)) for _ in range(99))
        run = await stage.ask(MODEL)
        dead, line = DeadOwner(stage, "dead"), a_line(str(run))
        await dead.started(run, line)
        await dead.ended(run, line.usage_id, line)
        await dead.completed(run, a_result(str(run)))
        await dead.owned(before)
        async with running_member(stage.settings):
            assert await stage.outputs.result(run) == a_result(str(run))
            await everything_else(stage, run)
        assert stage.outputs.usage_of(run) == [line]


async def test_an_answer_that_is_not_whole_is_bought_again(bootstrap: str, topic_prefix: str) -> None:
    """Its owner died between two parts: the run has another call, in a higher attempt, and both are billed."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage:
        run = await stage.ask(MODEL)
        dead, line = DeadOwner(stage, "dead"), a_line(str(run), attempt=10**15)
        await dead.started(run, line)
        await dead.ended(run, line.usage_id, line)
        await dead.completed(run, a_result(str(run), attempt=10**15, parts=2))
        await dead.owned(run)
        async with running_member(stage.settings):
            result = await stage.outputs.result(run)
            await stage.outputs.until(lambda: len(stage.outputs.usage_of(run)) == 2)
            await everything_else(stage, run)
        assert (result.status, result.attempt, result.parts) == ("completed", 10**15 + 1, 1)
        assert {line.attempt for line in stage.outputs.usage_of(run)} == {10**15, 10**15 + 1}
        assert len(stage.outputs.usage_of(run)) == 2


async def test_bills_that_were_not_published_come_once(bootstrap: str, topic_prefix: str) -> None:
    """Those that were published do not come again: a worker may die without learning that its commit went through.

    One run is finished, the other one is not.
    """
    async with staged(bootstrap, topic_prefix, MODEL) as stage:
        finished, run = await stage.ask(MODEL), await stage.ask(MODEL)
        dead = DeadOwner(stage, "dead")
        lines = [a_line(str(name), call=call) for name in (finished, run) for call in (1, 2, 3)]
        for name, line in zip([finished] * 3 + [run] * 3, lines, strict=True):
            await dead.started(name, line)
            await dead.ended(name, line.usage_id, None if line.usage_id.endswith("/3") else line)
        await dead.published(finished, lines[0])
        await dead.published(run, lines[3])
        await dead.owned(run)
        async with running_member(stage.settings):
            await stage.outputs.result(run)
            await stage.outputs.until(lambda: len(stage.outputs.usage) >= 5)
            await everything_else(stage, run)
        ids = [line.usage_id for line in stage.outputs.usage if line.attempt == 1000]
        assert sorted(ids) == sorted(line.usage_id for line in lines if not line.usage_id.endswith("/3"))
        assert stage.outputs.results_of(finished) == []
        assert stage.mock.stats.snapshot()["requests"] == 2


async def test_a_lost_call_is_billed_at_its_bound(bootstrap: str, topic_prefix: str) -> None:
    """Nobody knows what it used. Its run is answered anew, in a higher attempt."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage:
        run = await stage.ask(MODEL)
        lost = lost_call(run, 10**15)
        dead = DeadOwner(stage, "dead", age_seconds=PAST_EVERY_CALL)
        await dead.started(run, lost)
        await dead.started(run, lost)
        await dead.owned(run)
        async with running_member(stage.settings):
            result = await stage.outputs.result(run)
            await stage.outputs.until(lambda: len(stage.outputs.usage_of(run)) == 2)
            await everything_else(stage, run)
        assert (result.status, result.attempt) == ("completed", 10**15 + 1)
        assert [line for line in stage.outputs.usage_of(run) if line.attempt == 10**15] == [lost]
        assert len(stage.outputs.usage_of(run)) == 2


async def test_a_request_that_workers_die_of_is_a_dead_letter(bootstrap: str, topic_prefix: str) -> None:
    """Three owners lost calls of it; none is made any more, and each lost one is billed."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage:
        run = await stage.ask(MODEL)
        lost = [lost_call(run, attempt) for attempt in (1000, 2000, 3000)]
        for line in lost:
            dead = DeadOwner(stage, f"dead-{line.attempt}", age_seconds=PAST_EVERY_CALL)
            await dead.started(run, line)
        await dead.owned(run)
        async with running_member(stage.settings):
            result = await stage.outputs.result(run)
            await stage.outputs.until(lambda: len(stage.outputs.usage_of(run)) == 3)
            await everything_else(stage, run)
        assert result.error is not None
        assert (result.status, result.error.code) == ("rejected", "crashed_workers")
        assert [dict(record.headers)["dlq.run_id"] for record in stage.outputs.dead] == [str(run).encode()]
        assert sorted(stage.outputs.usage_of(run), key=lambda line: line.attempt) == lost
        assert stage.mock.stats.snapshot()["requests"] == 1


async def test_two_crashes_are_not_yet_too_many(bootstrap: str, topic_prefix: str) -> None:
    """And calls of a third owner that told how they ended are no crash."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage:
        run = await stage.ask(MODEL)
        for attempt in (1000, 2000, 3000):
            line = lost_call(run, attempt)
            dead = DeadOwner(stage, f"dead-{attempt}", age_seconds=PAST_EVERY_CALL)
            await dead.started(run, line)
        await dead.ended(run, line.usage_id, None)
        await dead.owned(run)
        async with running_member(stage.settings):
            assert (await stage.outputs.result(run)).status == "completed"


async def test_lost_calls_count_against_the_budget(bootstrap: str, topic_prefix: str) -> None:
    """A request's `max_cost_usd` covers the calls of all owners: what may be spent already is not spent again."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage:
        run = await stage.ask(MODEL, max_cost_usd=1.0)
        dead = DeadOwner(stage, "dead", age_seconds=PAST_EVERY_CALL)
        await dead.started(run, lost_call(run, 1000, cost_nanos=999_999_999))
        await dead.owned(run)
        async with running_member(stage.settings):
            result = await stage.outputs.result(run)
        assert result.error is not None
        assert (result.status, result.error.code) == ("rejected", "budget_refused")
        assert stage.mock.stats.snapshot()["requests"] == 0
