"""The bill in its databases: lines once, sums and offsets with them, and nothing half-written."""

from typing import Any

import pytest

from streamproc.billing.bill import Bill, Noted
from streamproc.billing.intake import Gap, Intake, Unreadable
from streamproc.billing.line import BilledLine, read_line
from streamproc.billing.report import report_rows
from streamproc.billing.sums import Taken
from streamproc.billing.total import Total
from streamproc.errors import SetupError
from streamproc.kafka.reader import Place, Record
from streamproc.records.codec import encode_usage
from streamproc.records.usage import TokenCounts
from tests.contract.billing.conftest import Open
from tests.lines import a_line

TOPIC = "llm.usage"
EVER = (-24 * 10**7, 24 * 10**7)


def taken(offset: int, partition: int = 0, **fields: Any) -> Taken:
    """A line at an offset; its call has the offset's number unless it is said."""
    value = encode_usage(a_line(**({"call": offset} | fields)))
    line = read_line(Record(Place(TOPIC, partition), offset, 0, None, value, ()))
    return Taken(partition, offset, line, value)


def intake(*lines: Taken, before: int | None = None, after: int = 100, **more: Any) -> Intake:
    """What a batch of partition 0 stores."""
    return Intake(TOPIC, {0: (before, after)}, lines, **more)


async def rows(bill: Bill, *by: str) -> dict[Any, tuple[int, int | None]]:
    """Lines and cost by keys."""
    return {row.keys: (row.sums["lines"], row.cost_nanos) for row in report_rows(await bill.sums(by, *EVER), by)}


async def test_lines_sums_and_offsets_come_together(opened: Open) -> None:
    """And are there when the bill is opened again."""
    async with opened(create=True) as bill:
        done = await bill.put(intake(taken(1, tenant="a"), taken(2, tenant="b", cost_nanos=None)), 0)
        assert (len(done.new), done.repeated, done.conflicts) == (2, 0, [])
    async with opened(create=False) as bill:
        assert await bill.offsets(TOPIC) == {0: 100}
        assert await rows(bill, "tenant") == {("a",): (1, 23_000), ("b",): (1, None)}
        assert await rows(bill, "user", "feature") == {(None, None): (2, 23_000)}


async def test_a_repeated_line_is_passed_over(opened: Open) -> None:
    """However often it comes: the sums stay."""
    async with opened(create=True) as bill:
        await bill.put(intake(taken(1)), 0)
        for _ in range(3):
            done = await bill.put(intake(taken(7, call=1), before=100), 0)
            assert (done.new, done.repeated) == ([], 1)
        assert await rows(bill, "tenant") == {("default",): (1, 23_000)}


async def test_another_line_under_a_known_id_is_kept_apart(opened: Open) -> None:
    """It is on no sum and not forgotten; read again it is noted once."""
    async with opened(create=True) as bill:
        await bill.put(intake(taken(1)), 0)
        for _ in range(2):
            done = await bill.put(intake(taken(7, call=1, cost_nanos=1), before=100), 0)
            assert [one.offset for one in done.conflicts] == [7]
        assert await bill.noted() == Noted(1, 0, 0)
        assert await rows(bill, "tenant") == {("default",): (1, 23_000)}


async def test_new_lines_beside_known_ones(opened: Open) -> None:
    """One batch with all there is: the new lines count, once, and the known ones neither again nor anew."""
    async with opened(create=True) as bill:
        await bill.put(intake(taken(1), taken(2)), 0)
        mixed = [taken(3), taken(8, call=1), taken(9, call=2, cost_nanos=1), taken(4), taken(5, call=4)]
        done = await bill.put(intake(*mixed, before=100, after=200), 0)
        assert ([one.offset for one in done.new], done.repeated) == ([3, 4], 2)
        assert [one.offset for one in done.conflicts] == [9]
        assert await rows(bill, "tenant") == {("default",): (4, 4 * 23_000)}
        assert await bill.offsets(TOPIC) == {0: 200}
        assert await bill.wrong_sums() == []


async def test_sums_grow_over_batches(opened: Open) -> None:
    """Also those of the same hour, and of lines of several hours and days."""
    async with opened(create=True) as bill:
        await bill.put(intake(taken(1, cost_nanos=1), after=2), 0)
        hours_later = taken(2, cost_nanos=2).line._replace(started_us=1_000_000 * 86_400 * 20_000)
        await bill.put(intake(Taken(0, 2, hours_later, b""), taken(3, cost_nanos=4), before=2, after=4), 0)
        assert await rows(bill, "day") == {("2024-10-04",): (1, 2), ("2026-01-31",): (2, 5)}
        assert await rows(bill, "hour", "user") == {
            ("2024-10-04T00:00Z", None): (1, 2),
            ("2026-01-31T12:00Z", None): (2, 5),
        }
        assert await bill.span() == (480_000, 491_628)
        for until in (480_001, 480_024):  # a part of a day, and a whole one
            assert [row.sums[0] for row in await bill.sums(["tenant"], 480_000, until)] == [1]
        assert [row.keys for row in await bill.sums(["day"], 480_001, 491_640)] == [(20_484,)]


async def test_several_lines_of_one_call_add_up(opened: Open) -> None:
    """A correction is a line of its own, with an id of its own."""
    async with opened(create=True) as bill:
        again = taken(2, usage_id="llm.requests/0/5@1/1000/1/again", cost_nanos=7)
        await bill.put(intake(taken(1), again), 0)
        assert await rows(bill, "tenant") == {("default",): (2, 23_007)}


async def test_a_second_writer_is_noticed(opened: Open) -> None:
    """Two jobs at one bill: the later one stores nothing, and says so. Its lines would have been counted twice."""
    async with opened(create=True) as one, opened(create=True) as other:
        await one.put(intake(taken(1)), 0)
        with pytest.raises(SetupError, match="another `streamproc billing run` writes to the same bill"):
            await other.put(intake(taken(1), taken(2)), 0)
        assert await rows(other, "tenant") == {("default",): (1, 23_000)}


async def test_a_failure_in_the_middle_leaves_nothing(opened: Open) -> None:
    """Neither lines nor sums nor offsets of a batch that one line breaks."""
    broken = taken(2)
    wrong: Any = {"tenant": None}
    async with opened(create=True) as bill:
        with pytest.raises(SetupError):
            await bill.put(intake(taken(1), broken._replace(line=broken.line._replace(**wrong))), 0)
        assert await bill.offsets(TOPIC) == {}
        assert await rows(bill, "tenant") == {}
        await bill.put(intake(taken(1)), 0)
        assert await rows(bill, "tenant") == {("default",): (1, 23_000)}


async def test_what_could_not_be_taken_is_noted(opened: Open) -> None:
    """Unreadable records and records that were gone, each once."""
    async with opened(create=True) as bill:
        more: dict[str, Any] = {"unreadable": [Unreadable(0, 5, "no JSON")], "gaps": [Gap(0, 10, 30)]}
        await bill.put(intake(**more), 0)
        await bill.put(intake(before=100, **more), 0)
        assert await bill.noted() == Noted(0, 1, 20)


async def test_a_large_batch_with_any_text(opened: Open) -> None:
    """Thousands of lines of many keys in one transaction; names may hold what SQL and JSON have signs for."""
    names = ["it's", 'say "x"', "back\\slash", "ünïcode €", "$1", "%s", "?1", "tab\there"]
    lines = [taken(number, model=names[number % 8], user=f"u{number % 500}") for number in range(4000)]
    async with opened(create=True) as bill:
        await bill.put(intake(*lines), 0)
        assert (await bill.put(intake(*lines, before=100), 0)).repeated == 4000
        assert await rows(bill, "model") == {(name,): (500, 500 * 23_000) for name in names}


async def test_lines_are_given_back_as_they_were(opened: Open) -> None:
    """All columns, for one provider and a period; and where they were read."""
    tokens = TokenCounts(
        input=9, output=8, cached_input=3, cache_write=2, reasoning=1, cache_write_1h=4, web_searches=5
    )
    mine, other = taken(1, tokens=tokens, user="u"), taken(2, provider="another")
    async with opened(create=True) as bill:
        await bill.put(intake(mine, other), 0)
        began = mine.line.started_us
        found: list[BilledLine] = [line async for few in bill.lines("mock", began, began + 1) for line in few]
        assert found == [mine.line]
        assert [few async for few in bill.lines("mock", began + 1, began + 2)] == []
        assert await bill.found([mine.line.usage_id, "unknown"]) == {mine.line.usage_id: ((TOPIC, 0, 1), mine.line)}


async def test_totals_are_by_tenant_and_span(opened: Open) -> None:
    """Of the lines between two offsets; and the sums hold the same as the lines."""
    async with opened(create=True) as bill:
        one, two = taken(1, tenant="a"), taken(2, tenant="a", cost_nanos=None)
        await bill.put(Intake(TOPIC, {0: (None, 3), 1: (None, 9)}, [one, two, taken(8, 1, tenant="b")]), 0)
        assert await bill.totals_of_lines(TOPIC, {0: (2, 3), 1: (0, 9)}) == {
            "a": Total(1, 1, 0, 7, 8),
            "b": Total(1, 0, 23_000, 7, 8),
        }
        assert await bill.totals() == {"a": Total(2, 1, 23_000, 14, 16), "b": Total(1, 0, 23_000, 7, 8)}
        assert await bill.wrong_sums() == []


async def test_a_bill_of_a_newer_program_is_refused(opened: Open) -> None:
    """With what to do about it."""
    async with opened(create=True) as bill:
        await bill._database.select("INSERT INTO usage_store VALUES (2)")
    with pytest.raises(SetupError, match="tables of version 2; this program knows 1: upgrade it"):
        async with opened(create=True):
            pass


async def test_reading_makes_no_bill(opened: Open) -> None:
    """Where there is none, that is what is said."""
    for _ in range(2):
        with pytest.raises(SetupError, match=r"there is no bill at .*`streamproc billing run` makes it"):
            async with opened(create=False):
                pass
