"""New, repeated and contradicting lines, and the sums of the new ones."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streamproc.billing.line import BilledLine, read_line
from streamproc.billing.sums import DAYS, HOURS, ROLLUPS, SUMS, Taken, sort_out, sums_of
from streamproc.kafka.reader import Place, Record
from streamproc.records.codec import encode_usage
from streamproc.records.usage import TokenCounts
from tests.lines import a_line


def billed(**fields: Any) -> BilledLine:
    """A line as the bill keeps it."""
    return read_line(Record(Place("llm.usage", 0), 0, 0, None, encode_usage(a_line(**fields)), ()))


def taken(offset: int, **fields: Any) -> Taken:
    """A line that stands at this offset."""
    return Taken(0, offset, billed(**fields), b"")


def test_a_line_is_new_once() -> None:
    """The second one in a batch is a repetition, as is one that is in the store."""
    first, again, stored = taken(1, call=1), taken(2, call=1), taken(3, call=2)
    found = sort_out([first, again, stored], {stored.line.usage_id: stored.line})
    assert (found.new, found.repeated, found.conflicts) == ([first], 2, [])


def test_other_content_under_a_known_id_is_a_conflict() -> None:
    """In the same batch, and against the store. The first one stays."""
    first, other, stored = taken(1, call=1), taken(2, call=1, cost_nanos=1), taken(3, call=2)
    found = sort_out([first, other, stored], {stored.line.usage_id: stored.line._replace(tenant="another")})
    assert (found.new, found.repeated, found.conflicts) == ([first], 0, [other, stored])


def test_sums_count_what_is_not_known_beside_what_is() -> None:
    """An unknown cost is in no sum, and counted; unknown tokens as well."""
    lines = [
        billed(call=1, cost_nanos=5, tokens=TokenCounts(input=1, output=2, web_searches=3)),
        billed(call=2, cost_nanos=None, tokens=TokenCounts(input=10, output=20)),
        billed(call=3, cost_nanos=0, tokens=TokenCounts(input=None, output=7)),
    ]
    (row,) = sums_of(lines, DAYS)
    assert row[1:5] == ("default", "mock", "m", "provider")
    assert dict(zip(SUMS, row[5:], strict=True)) == {
        "lines": 3,
        "unpriced": 1,
        "uncounted": 1,
        "cost_nanos": 5,
        "input_tokens": 11,
        "output_tokens": 29,
        "cached_input_tokens": 0,
        "cache_write_tokens": 0,
        "cache_write_1h_tokens": 0,
        "reasoning_tokens": 0,
        "web_searches": 3,
    }


def test_nobody_is_an_empty_name() -> None:
    """Databases let rows with a null in their key stand twice."""
    (row,) = sums_of([billed()], HOURS)
    assert row[5:7] == ("", "")


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0, 200_000), st.integers(0, 10**9)))
)
def test_both_tables_of_sums_hold_the_same_money(calls: list[tuple[str, str, int, int]]) -> None:
    """By hour and by user: nothing is lost and nothing is twice, whatever the keys are."""
    lines = [
        billed(call=number, tenant=tenant, user=user, cost_nanos=cost)._replace(started_us=seconds * 1_000_000)
        for number, (tenant, user, seconds, cost) in enumerate(calls)
    ]
    for rollup in ROLLUPS:
        rows = sums_of(lines, rollup)
        keys = len(rollup.keys) + 1
        assert len({row[:keys] for row in rows}) == len(rows)
        assert sum(int(row[keys]) for row in rows) == len(lines)
        assert sum(int(row[keys + 3]) for row in rows) == sum(cost for *_, cost in calls)
        assert {row[0] for row in rows} == {seconds // 3600 // rollup.hours for _, _, seconds, _ in calls}
