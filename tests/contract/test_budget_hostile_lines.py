"""P4 beside strangers: what somebody else writes to the usage topic and the journal ends no worker."""

import json
from datetime import UTC, datetime
from typing import Any

from aiokafka import TopicPartition

from streamproc.kafka.inherited import note_key
from streamproc.observe.events import BudgetSpent, JournalTrouble, UsageUnreadable
from streamproc.records.codec import encode_usage
from streamproc.records.identity import RunId
from tests.contract.harness.forging import DeadOwner
from tests.contract.harness.member import Member, running_member
from tests.contract.harness.raw_names import publish_with_raw_names
from tests.contract.harness.stage import Stage, staged
from tests.contract.harness.waiting import eventually, eventually_found
from tests.contract.test_budget import ASKED, MODEL, budgets, priced
from tests.contract.test_budget_redis import shared
from tests.lines import a_line
from tests.servers.redis import Redis

HOSTILE: tuple[dict[str, Any], ...] = (
    {"started_at": "9999-12-31T23:59:59Z"},  # no calendar has the day after it
    {"started_at": "0001-01-01T00:00:00Z"},  # in New York that is the year before the first one
    {"started_at": "2026-01-01T00:00:00"},  # each worker would read its own time zone into it
    {"cost_nanos": 10**400},  # no float holds it
    {"cost_nanos": 2**63},  # Redis adds 64 bits
    {"tokens": {"input": 2**63, "output": 0}},
    {"cost_nanos": -1},
)


def line(number: int, fields: dict[str, Any]) -> bytes:
    """A usage line of today with these fields; json writes integers of any length."""
    now = datetime.now(UTC).isoformat()
    usual = json.loads(encode_usage(a_line(call=number))) | {"started_at": now, "ended_at": now}
    return json.dumps(usual | fields).encode()


async def forge(stage: Stage) -> int:
    """Puts all of them on the usage topic, and into the journal as calls that may be open; gives their number."""
    topics, source = stage.settings.topics, stage.settings.sources[0].topic
    for number, fields in enumerate(HOSTILE):
        await stage.publish(line(number, fields), topic=topics.usage)
        note = b'{"kind":"started","owner":"somebody","run_id":"r","line":%b}' % line(number, fields)
        await stage.publish(note, key=note_key(TopicPartition(source, 0), number), topic=topics.journal)
    # Somebody had the partition before, so its journal is read from the beginning.
    await DeadOwner(stage, "somebody").owned(RunId(source, 0, 0, 1))
    return len(HOSTILE)


async def begins_a_call(stage: Stage, member: Member) -> None:
    """The ledger opens, and lets one through."""
    await eventually(lambda: member.worker.readiness() is None, member.worker.readiness)
    await stage.ask(MODEL, **ASKED)
    await eventually(lambda: stage.mock.stats.calls)


async def test_lines_that_nobody_can_count_are_told_and_passed_by_where_that_is_said(
    bootstrap: str, topic_prefix: str
) -> None:
    """A time whose day has no end once killed every worker that read it, at each start: the line stayed on the topic."""
    own = budgets(1.0, time_zone="America/New_York", skip_unreadable=True)
    async with staged(bootstrap, topic_prefix, MODEL, provider=priced(MODEL), budgets=own) as stage:
        count = await forge(stage)
        async with running_member(stage.settings) as member:
            await begins_a_call(stage, member)
            assert len(member.all(UsageUnreadable)) == count
            assert [trouble.topic for trouble in member.all(JournalTrouble)] == [stage.settings.topics.journal] * count


async def test_the_redis_ledger_counts_the_largest_line_as_a_full_cap(
    bootstrap: str, topic_prefix: str, redis: Redis
) -> None:
    """Three of 2^63 - 1 once overflowed a sum there: the script failed half done, at each try of each worker."""
    own = shared(redis, 1.0, time_zone="Asia/Tokyo", skip_unreadable=True)
    async with staged(bootstrap, topic_prefix, MODEL, provider=priced(MODEL), budgets=own) as stage:
        await forge(stage)
        for number in range(100, 103):
            largest = {"cost_nanos": 2**63 - 1, "tenant": "umbrella"}
            await stage.publish(line(number, largest), topic=stage.settings.topics.usage)
        async with running_member(stage.settings) as member:
            await begins_a_call(stage, member)
            run = await stage.ask(MODEL, **{**ASKED, "tenant": "umbrella"})
            await eventually(lambda: any(spent.run_id == str(run) for spent in member.all(BudgetSpent)))


async def test_a_header_name_that_is_no_utf8_stops_nobody(bootstrap: str, topic_prefix: str) -> None:
    """Aiokafka fails at its whole batch: one such record once ended every worker with budgets, at each start anew."""
    async with staged(
        bootstrap, topic_prefix, MODEL, provider=priced(MODEL), budgets=budgets(1.0)
    ) as stage:  # fmt: skip
        usage = stage.settings.topics.usage
        async with running_member(stage.settings) as member:
            await begins_a_call(stage, member)
            for number in range(2):
                value = line(number, {"cost_nanos": 300_000_000})
                await publish_with_raw_names(stage.bootstrap, usage, number, [value])
            ledger = member.worker._budgets.ledger
            assert ledger is not None

            async def is_counted() -> bool:
                return any(standing.settled >= 600_000_000 for standing in await ledger.standings())

            await eventually_found(is_counted)
            calls = len(stage.mock.stats.calls)
            await stage.ask(MODEL, **ASKED)
            await eventually(lambda: len(stage.mock.stats.calls) > calls)
