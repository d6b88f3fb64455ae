"""Workers of one group that would write to different topics are told apart before one of them has a partition."""

from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer

from streamproc.errors import SetupError
from streamproc.settings.settings import Settings
from tests.contract.harness.member import running_member
from tests.contract.harness.program import running_program
from tests.contract.harness.stage import Stage, staged
from tests.contract.harness.waiting import eventually_found

MODEL = "mock-t5-i1-f2"


def with_other_results(settings: Settings) -> Settings:
    """The same worker, but for the topic of its results."""
    topics = settings.topics.model_copy(update={"results": f"{settings.topics.results}.other"})
    return settings.model_copy(update={"topics": topics})


async def test_a_worker_with_other_topics_is_not_let_in(bootstrap: str, topic_prefix: str) -> None:
    """Half of the results would be where nobody looks. The worker that is there does not notice."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage, running_member(stage.settings) as member:
        await member.has_claimed(4)
        epochs = [assignment.epoch for assignment in member.worker.consumer.assignments]
        other = with_other_results(stage.settings)
        with pytest.raises(
            SetupError, match=r"their topics\.results is not .*\.results\.other; give this worker their"
        ):
            async with running_member(other):
                pass
        assert (await stage.outputs.result(await stage.ask(MODEL))).status == "completed"
        assert [assignment.epoch for assignment in member.worker.consumer.assignments] == epochs


async def test_topics_may_change_when_all_have_stopped(bootstrap: str, topic_prefix: str) -> None:
    """Nothing of the agreement is stored."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage:
        async with running_member(stage.settings) as member:
            await member.has_claimed(4)
        async with running_member(with_other_results(stage.settings)) as member:
            await member.has_claimed(4)


async def test_a_group_of_another_program_is_not_joined(bootstrap: str, topic_prefix: str) -> None:
    """Its consumers would get some of the partitions and drop their requests."""
    async with staged(bootstrap, topic_prefix, MODEL) as stage:
        (source,) = stage.settings.sources
        async with AIOKafkaConsumer(source.topic, bootstrap_servers=bootstrap, group_id=stage.settings.kafka.group):
            with pytest.raises(
                SetupError, match=r"another program.* \(its assignor is 'roundrobin'\): set kafka\.group"
            ):
                async with running_member(stage.settings):
                    pass


async def test_a_worker_that_comes_back_to_a_changed_group_ends(
    bootstrap: str, topic_prefix: str, tmp_path: Path
) -> None:
    """It froze, its session ended, and the group began anew with other topics: it would ask to join for ever."""
    quick = {"session_timeout_seconds": 3.0, "heartbeat_interval_seconds": 0.5}
    async with staged(bootstrap, topic_prefix, MODEL, kafka=quick) as stage:
        with running_program(stage.settings, tmp_path) as program:
            await program.has_said("started")
            await eventually_found(partial(all_claimed, stage))
            program.pause()
            async with AsyncExitStack() as stack:

                async def has_joined() -> bool:
                    try:
                        await stack.enter_async_context(running_member(with_other_results(stage.settings)))
                    except SetupError:  # the frozen one's session has not ended yet
                        return False
                    return True

                await eventually_found(has_joined)
                program.resume()
                assert await program.exit_code() == 2
                assert "their topics.results is not" in program.last_words()


async def all_claimed(stage: Stage) -> bool:
    """Whether each partition has an owner."""
    return len(await stage.committed()) == 4
