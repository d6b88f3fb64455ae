"""Publishing goes before committing: topics that take nothing of ours for a while."""

from streamproc.kafka.topics import create_topics
from streamproc.observe.events import PublishBroke
from tests.contract.harness.member import running_member
from tests.contract.harness.stage import staged
from tests.contract.harness.waiting import eventually

MODEL = "mock-t20-i1-f2"


async def test_nothing_is_committed_before_its_result_is_stored(bootstrap: str, topic_prefix: str) -> None:
    """A topic that refuses results holds the offset; once it takes them, there is exactly one of each record."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage, running_member(stage.settings) as member:
        await stage.let_topic_hold(stage.settings.topics.results, 200)
        run = await stage.ask(MODEL)
        await eventually(lambda: len(member.all(PublishBroke)) >= 2)
        assert await stage.committed_at(0) == run.offset
        await stage.let_topic_hold(stage.settings.topics.results, 1_000_000)
        result = await stage.outputs.result(run)
        await stage.has_committed(run)
        await stage.outputs.rest()
        assert (result.status, len(stage.outputs.results), len(stage.outputs.usage)) == ("completed", 1, 1)
        assert stage.mock.stats.snapshot()["requests"] == 1


async def test_nothing_is_committed_before_its_bill_is_stored(bootstrap: str, topic_prefix: str) -> None:
    """The same for the usage topic."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage, running_member(stage.settings) as member:
        await stage.let_topic_hold(stage.settings.topics.usage, 200)
        run = await stage.ask(MODEL)
        await eventually(lambda: len(member.all(PublishBroke)) >= 2)
        assert await stage.committed_at(0) == run.offset
        await stage.let_topic_hold(stage.settings.topics.usage, 1_000_000)
        await stage.has_committed(run)
        await stage.outputs.rest()
        assert len(stage.outputs.usage) == 1


async def test_chunks_leave_at_ticks(bootstrap: str, topic_prefix: str) -> None:
    """Twenty tokens 20 ms apart, and ticks of a second: each time of sending is that of a batch, and without 22."""
    model = "mock-t20-i20-f2"
    chunks = {"coalesce": False, "linger_seconds": 1.0}
    async with staged(bootstrap, topic_prefix, model, chunks=chunks) as stage, running_member(stage.settings):
        await stage.outputs.result(await stage.ask(model))
        chunks_topic = stage.settings.topics.chunks
        sent = [dict(record.headers) for record in stage.outputs.records if record.topic == chunks_topic]
        assert len(sent) == 22
        assert len({headers["ce_time"] for headers in sent}) < 12


async def test_lost_chunks_are_said_again_under_a_higher_attempt(bootstrap: str, topic_prefix: str) -> None:
    """Nothing is bought again: one call, one usage line, and the whole text under the attempt of the result."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage, running_member(stage.settings) as member:
        await stage.let_topic_hold(stage.settings.topics.chunks, 200)
        run = await stage.ask(MODEL)
        await eventually(lambda: member.all(PublishBroke))
        assert stage.outputs.results_of(run) == []
        await stage.let_topic_hold(stage.settings.topics.chunks, 1_000_000)
        result = await stage.outputs.result(run)
        await stage.has_committed(run)
        await stage.outputs.rest()
        (line,) = stage.outputs.usage_of(run)
        assert (result.status, result.text, result.calls) == ("completed", stage.outputs.text_of(run), 1)
        assert (result.attempt or 0) > line.attempt
        assert stage.mock.stats.snapshot()["requests"] == 1


async def test_a_deleted_chunks_topic_holds_streams_and_is_told(bootstrap: str, topic_prefix: str) -> None:
    """The answer is whole and paid for: it waits, without a word of failure, until its chunks can be stored."""
    settings = {"request_timeout_seconds": 1.0}
    async with (
        staged(bootstrap, topic_prefix, MODEL, kafka=settings) as stage,
        running_member(stage.settings) as member,
    ):
        await stage.outputs.result(await stage.ask(MODEL))
        await stage.delete_topic(stage.settings.topics.chunks)
        run = await stage.ask(MODEL, deadline=stage.time_in(3))
        unstreamed = await stage.ask(MODEL, stream=False)
        assert (await stage.outputs.result(unstreamed)).status == "completed"
        await eventually(lambda: member.all(PublishBroke), lambda: member.worker.consumer)
        assert stage.outputs.results_of(run) == []
        assert not member.has_ended
        await create_topics(stage.settings)
        result = await stage.outputs.result(run)
        assert (result.status, result.calls) == ("completed", 1)
