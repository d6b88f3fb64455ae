"""The billing job on a broker: every committed line once, alarms for what is not on the bill, verification."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from streamproc.billing.bill import Bill, Noted
from streamproc.billing.happenings import BatchStored, LineConflicts, RecordsMissed, RecordUnreadable
from streamproc.billing.intake import Intake
from streamproc.billing.opening import open_bill
from streamproc.billing.total import Total
from streamproc.errors import SetupError
from streamproc.records.codec import encode_usage
from streamproc.settings.billing import BillingSettings
from tests.contract.billing.stage import Told, UsageTopic, usage_topic
from tests.contract.harness.raw_names import publish_with_raw_names
from tests.contract.harness.waiting import eventually
from tests.lines import a_line
from tests.servers.embedded import EmbeddedBroker


@pytest_asyncio.fixture
async def bill(tmp_path: Path) -> AsyncIterator[Bill]:
    """An empty bill."""
    async with open_bill(BillingSettings(store=f"sqlite:{tmp_path / 'bill.sqlite'}"), create=True) as bill:
        yield bill


async def total(bill: Bill) -> Total:
    """All tenants together."""
    lines = await bill.totals()
    return Total(*(sum(numbers) for numbers in zip(*lines.values(), strict=True))) if lines else Total()


async def test_a_job_stops_at_the_end_and_the_next_one_goes_on(topic: UsageTopic, bill: Bill) -> None:
    """Each line is on the bill once, whichever job read it; an empty partition is no trouble."""
    await topic.send(range(100))
    assert (await topic.run(bill)).lines == 100
    assert (await topic.run(bill)).lines == 0
    await topic.send(range(100, 150), partition=1)
    told = Told()
    tally = await topic.run(bill, told)
    assert (tally.lines, tally.repeated, tally.is_whole) == (50, 0, True)
    assert [one.behind for one in told.happenings if isinstance(one, BatchStored)][-1] == 0
    assert (await total(bill)).lines == 150
    assert (await topic.verify(bill)).is_equal


async def test_only_committed_lines_are_read(bootstrap: str, topic_prefix: str, bill: Bill) -> None:
    """Those of an aborted transaction never happened; behind it the job goes on, and stops at the end."""
    async with usage_topic(bootstrap, topic_prefix, transactional=True) as topic:
        async with topic.producer.transaction():
            await topic.send([1, 2])
        await topic.producer.begin_transaction()
        await topic.send([3])
        await topic.producer.abort_transaction()
        async with topic.producer.transaction():
            await topic.send([4])
        assert (await topic.run(bill)).lines == 3
        assert (await topic.verify(bill)).topic == {"default": Total(3, 0, 69_000, 21, 24)}


async def test_a_job_waits_for_a_transaction_that_was_open_at_its_start(
    bootstrap: str, topic_prefix: str, bill: Bill
) -> None:
    """Its lines stand before the end that the topic had. Without waiting a script would miss the last ones."""
    async with usage_topic(bootstrap, topic_prefix, transactional=True) as topic:
        await topic.producer.begin_transaction()
        await topic.send([1])
        running = asyncio.create_task(topic.run(bill))
        await asyncio.sleep(0)
        await topic.producer.commit_transaction()
        await running
        assert (await topic.run(bill)).lines + running.result().lines == 1


async def test_a_job_that_runs_on_takes_new_lines_until_it_is_stopped(topic: UsageTopic, bill: Bill) -> None:
    """As the service that it is; told to stop it ends by itself."""
    stop = asyncio.Event()
    async with topic.job(bill) as job:
        running = asyncio.create_task(job.run(stop, until_end=False))
        for call in (1, 2):
            await topic.send([call])
            await eventually(lambda call=call: job.tally.lines == call)  # type: ignore[misc] # mypy knows no defaults here
        stop.set()
        assert (await running).lines == 2


async def test_repeated_lines_and_conflicts(topic: UsageTopic, bill: Bill) -> None:
    """The same bytes again are nothing; other content under the same id is an alarm and is kept."""
    await topic.send([1, 2, 2])
    await topic.send([1], partition=1, cost_nanos=1)
    told = Told()
    tally = await topic.run(bill, told)
    assert (tally.lines, tally.repeated, tally.conflicts, tally.is_whole) == (2, 1, 1, False)
    (conflict,) = (one for one in told.happenings if isinstance(one, LineConflicts))
    assert conflict.usage_id == "llm.requests/0/5@1/1000/1"
    assert await bill.noted() == Noted(1, 0, 0)
    verdict = await topic.verify(bill)
    assert (verdict.is_equal, verdict.conflicts) == (True, 1)


async def test_a_record_that_cannot_be_read_ends_the_job(topic: UsageTopic, bill: Bill) -> None:
    """With its place; nothing of its batch is half-written, and the next job stands before it again."""
    await topic.send([1])
    await topic.raw(b"no JSON")
    for _ in range(2):
        with pytest.raises(SetupError, match=r"\.usage partition 0 offset 1 cannot be read: .*--skip-unreadable"):
            await topic.run(bill)
    assert (await bill.offsets(topic.name)).get(0, 0) <= 1
    assert sum((await bill.totals()).get("default", Total())[:1]) <= 1


async def test_a_job_may_go_on_behind_it(topic: UsageTopic, bill: Bill) -> None:
    """Then the record is noted by its place, with the reason, and told."""
    newer = (("ce_type", b"streamproc.usage.v9"),)
    await topic.raw(b"no JSON", None)
    await topic.raw(encode_usage(a_line(call=8)), headers=newer)
    await topic.send([9])
    told = Told()
    tally = await topic.run(bill, told, skip_unreadable=True)
    assert (tally.lines, tally.unreadable, tally.is_whole) == (1, 3, False)
    assert [one.offset for one in told.happenings if isinstance(one, RecordUnreadable)] == [0, 1, 2]
    assert await bill.noted() == Noted(0, 3, 0)
    verdict = await topic.verify(bill)
    assert (verdict.is_equal, verdict.unreadable) == (True, 3)


async def test_a_header_name_that_is_no_text_stops_nothing(topic: UsageTopic, bill: Bill) -> None:
    """Kafka keeps header names as bytes, and aiokafka fails at a batch with such a one."""
    await topic.send([1])
    await publish_with_raw_names(topic.settings.kafka.bootstrap_servers, topic.name, 0, [encode_usage(a_line(call=2))])
    await topic.send([3])
    assert (await topic.run(bill)).lines == 3


async def test_a_topic_that_ends_before_its_offset_is_told(topic: UsageTopic, bill: Bill) -> None:
    """It was made anew, and its next lines would be taken for known ones. The way out reads it from its beginning."""
    await topic.send([1])
    await bill.put(Intake(topic.name, {0: (None, 4711)}), 0)
    with pytest.raises(SetupError, match=r"partition 0 ends at 1, and the bill has read up to 4711.*--from-beginning"):
        await topic.run(bill)
    with pytest.raises(SetupError, match="nothing to verify against"):
        await topic.verify(bill)
    await bill.forget_offsets(topic.name)
    assert (await topic.run(bill)).lines == 1


async def test_a_missing_topic_is_told(topic: UsageTopic, bill: Bill) -> None:
    """Before anything is asked of it."""
    elsewhere = topic.settings.topics.model_copy(update={"usage": "none.usage"})
    with pytest.raises(SetupError, match=r"topic none\.usage does not exist"):
        await UsageTopic(topic.settings.model_copy(update={"topics": elsewhere}), None).run(bill)


async def _missed(topic: UsageTopic, bill: Bill) -> list[RecordsMissed]:
    """What a job tells that reads one line and misses two."""
    told = Told()
    tally = await topic.run(bill, told)
    assert (tally.lines, tally.missed, tally.is_whole) == (1, 2, False)
    return [one for one in told.happenings if isinstance(one, RecordsMissed)]


async def test_records_that_retention_took_are_told(tmp_path: Path, topic_prefix: str, bill: Bill) -> None:
    """A job that comes too late: the offsets that are gone are noted and told, what is left is read."""
    del tmp_path
    with EmbeddedBroker() as broker:
        async with usage_topic(broker.bootstrap, topic_prefix, 1, retention_bytes="1") as topic:
            await topic.send([1])
            assert (await topic.run(bill)).is_whole
            for call in (2, 3, 4):
                await topic.send([call])
            assert await _missed(topic, bill) == [RecordsMissed(topic.name, 0, 1, 3)]
            assert await bill.noted() == Noted(0, 0, 2)
            verdict = await topic.verify(bill)
            assert (verdict.is_equal, verdict.gone) == (True, 3)


async def test_what_was_gone_before_the_first_job_is_told(tmp_path: Path, topic_prefix: str, bill: Bill) -> None:
    """As a gap that a later job finds is. The first one once began behind it without a word.

    Whoever reads the topic from its beginning again has missed nothing new: lines of that time are on the bill.
    """
    del tmp_path
    with EmbeddedBroker() as broker:
        async with usage_topic(broker.bootstrap, topic_prefix, 2, retention_bytes="1") as topic:
            for call in (1, 2, 3):
                await topic.send([call])
            assert await _missed(topic, bill) == [RecordsMissed(topic.name, 0, 0, 2)]
            assert (await topic.run(bill)).is_whole
            await topic.send([4])
            await bill.forget_offsets(topic.name)
            assert (await topic.run(bill)).is_whole
            assert await bill.noted() == Noted(0, 0, 2)


async def test_a_topic_that_grows_is_read_whole(topic: UsageTopic, bill: Bill) -> None:
    """Many lines in several batches and both partitions."""
    for partition in (0, 1):
        await topic.send(range(partition * 5000, partition * 5000 + 5000), partition)
    assert (await topic.run(bill)).lines == 10_000
    verdict = await topic.verify(bill)
    assert verdict.is_equal
    assert verdict.topic == {"default": Total(10_000, 0, 230_000_000, 70_000, 80_000)}


async def test_a_bill_that_has_read_nothing_cannot_be_verified(topic: UsageTopic, bill: Bill) -> None:
    """That is no difference of zero."""
    with pytest.raises(SetupError, match="has read nothing of"):
        await topic.verify(bill)
