"""Claims of many partitions do not wait for each other."""

from tests.chaos.proxy import Proxy
from tests.contract.harness.member import running_member
from tests.contract.harness.stage import staged

MODEL = "mock-t5-i1-f2"


async def test_a_claim_reads_a_journal_without_notes_in_no_time(bootstrap: str, topic_prefix: str) -> None:
    """Kafka answers the requests of a connection one after the other, and an empty fetch may be told to wait.

    Each claim's look at its journal waited a tenth of a second for notes that nobody writes, one behind the other: a
    worker with twelve partitions took records more than two seconds after it had them.
    """
    async with staged(bootstrap, topic_prefix, MODEL) as stage, Proxy(bootstrap) as proxy:
        journal = stage.settings.topics.journal
        waits = proxy.hold("Fetch", "request", topic=journal, meant=lambda request: request.max_wait_time > 0)
        looks = proxy.hold("Fetch", "request", topic=journal)
        looks.release()
        kafka = stage.settings.kafka.model_copy(update={"bootstrap_servers": proxy.bootstrap})
        async with running_member(stage.settings.model_copy(update={"kafka": kafka})) as member:
            await looks.reached()
            await member.has_claimed(4)
        assert not waits.is_reached
