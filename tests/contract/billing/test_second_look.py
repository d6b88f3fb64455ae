"""Records that a job has passed over, because it could not read them, are read again by the next one."""

from streamproc.billing.bill import Bill, Noted
from streamproc.billing.happenings import LineConflicts
from streamproc.billing.intake import Intake, Unreadable
from streamproc.billing.total import Total
from streamproc.records.codec import encode_usage
from tests.contract.billing.conftest import Open
from tests.contract.billing.stage import Told, UsageTopic, usage_topic
from tests.lines import a_line
from tests.servers.embedded import EmbeddedBroker


async def passed_over(bill: Bill, topic: UsageTopic, *places: tuple[int, int], until: tuple[int, int]) -> None:
    """What a job of an older program leaves that could not read these records; it came so far in both partitions."""
    notes = [Unreadable(*place, "it is a usage line of version 2; this program reads up to 1") for place in places]
    await bill.put(Intake(topic.name, {0: (None, until[0]), 1: (None, until[1])}, unreadable=notes), 5)


async def lines_of(bill: Bill) -> int:
    """How many it has; its sums have them, too."""
    assert await bill.wrong_sums() == []
    return (await bill.totals()).get("default", Total()).lines


async def test_what_can_be_read_now_goes_on_the_bill(topic: UsageTopic, opened: Open) -> None:
    """Without --from-beginning, which an upgrade once needed; and the notes about it go. The next job has no more."""
    async with opened(create=True) as bill:
        await topic.send([1, 2, 3])
        await topic.raw(b"no JSON")
        await topic.send([4], partition=1)
        await passed_over(bill, topic, (0, 0), (0, 2), (0, 3), (1, 0), until=(4, 1))
        tally = await topic.run(bill)
        assert (tally.reread, tally.lines, tally.unreadable, tally.is_whole) == (3, 3, 0, True)
        assert await bill.unreadable(topic.name) == [(0, 3)]
        tally = await topic.run(bill)
        assert (tally.reread, tally.lines) == (0, 0)
        assert await lines_of(bill) == 3


async def test_a_line_that_is_there_already_counts_once(topic: UsageTopic, opened: Open) -> None:
    """Its id stands twice on the topic, and one of the two was passed over. Another line under its id is an alarm as ever."""
    async with opened(create=True) as bill:
        await topic.send([1, 1])
        await topic.send([1], partition=1, cost_nanos=1)
        await passed_over(bill, topic, (0, 1), (1, 0), until=(0, 1))
        told = Told()
        tally = await topic.run(bill, told)
        assert (tally.reread, tally.lines, tally.repeated, tally.conflicts) == (2, 1, 2, 1)
        assert [one.partition for one in told.happenings if isinstance(one, LineConflicts)] == [1]
        assert await bill.noted() == Noted(1, 0, 0)


async def test_notes_and_lines_change_together(topic: UsageTopic, opened: Open) -> None:
    """A job that dies in between has done nothing of it."""
    async with opened(create=True) as bill:
        await topic.send([1])
        await passed_over(bill, topic, (0, 0), until=(1, 0))
        await bill._database.select("ALTER TABLE usage_days RENAME TO elsewhere")
        try:
            await topic.run(bill)
        except Exception:  # noqa: BLE001 which one is the database's own
            await bill._database.select("ALTER TABLE elsewhere RENAME TO usage_days")
        assert await bill.unreadable(topic.name) == [(0, 0)]
        assert (await topic.run(bill)).reread == 1
        assert await lines_of(bill) == 1


async def test_a_record_that_is_gone_stays_noted(topic_prefix: str, opened: Open) -> None:
    """It is on no bill and never will be."""
    with EmbeddedBroker() as broker:
        async with (
            usage_topic(broker.bootstrap, topic_prefix, 2, retention_bytes="1") as topic,
            opened(create=True) as bill,
        ):
            await topic.raw(encode_usage(a_line(call=1)))
            await passed_over(bill, topic, (0, 0), until=(1, 0))
            await topic.send([2])
            tally = await topic.run(bill)
            assert (tally.reread, tally.lines) == (0, 1)
            assert await bill.unreadable(topic.name) == [(0, 0)]
