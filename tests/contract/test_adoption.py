"""What a dead owner left in the journal is taken over: its answers, its bills, its lost calls."""

from tests.contract.harness.forging import DeadOwner, a_line, an_answer
from tests.contract.harness.member import running_member
from tests.contract.harness.stage import staged

MODEL, LONG = "mock-t5-i1", "mock-t100-i10"


async def test_a_finished_answer_is_published_as_it_was(bootstrap: str, topic_prefix: str) -> None:
    """No call is made for it, and the bill is the original one."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage:
        run = await stage.ask(MODEL)
        dead, line = DeadOwner(stage, "dead"), a_line(run)
        await dead.started(run, line)
        await dead.ended(run, line)
        await dead.completed(run, an_answer(run))
        await dead.owned(run)
        async with running_member(stage.settings):
            result = await stage.outputs.result(run)
            await stage.outputs.until(lambda: stage.outputs.usage_of(run))
            last = await stage.ask(MODEL)
            await stage.outputs.result(last)
            await stage.has_committed(last)
        await stage.outputs.rest()
        assert result == an_answer(run)
        assert stage.outputs.usage_of(run) == [line]
        assert stage.mock.stats.snapshot()["requests"] == 1


async def test_a_bill_is_published_once_also_when_the_answer_comes_later(bootstrap: str, topic_prefix: str) -> None:
    """The request is read long after the journal. The bill came once from there, and again with the answer."""
    async with staged(bootstrap, topic_prefix, MODEL, LONG, worker={"max_window": 1}) as stage:
        # One poll takes a hundred records, and then there is no room until the first one is done.
        before = await stage.ask(LONG)
        await stage.ask_many((0, stage.request(MODEL)) for _ in range(99))
        run = await stage.ask(MODEL)
        dead, line = DeadOwner(stage, "dead"), a_line(run)
        await dead.started(run, line)
        await dead.ended(run, line)
        await dead.completed(run, an_answer(run))
        await dead.owned(before)
        async with running_member(stage.settings):
            assert await stage.outputs.result(run) == an_answer(run)
            await stage.has_committed(run)
        await stage.outputs.rest()
        assert stage.outputs.usage_of(run) == [line]
