"""Verification: what was tampered with is told, line by line and sum by sum, in both databases."""

from collections.abc import AsyncIterator

import pytest_asyncio

from streamproc.billing.bill import Bill
from streamproc.billing.total import Total
from tests.contract.billing.conftest import Open
from tests.contract.billing.stage import UsageTopic


@pytest_asyncio.fixture
async def bill(opened: Open) -> AsyncIterator[Bill]:
    """An empty bill."""
    async with opened(create=True) as bill:
        yield bill


async def test_lines_that_vanish_or_change_are_told(topic: UsageTopic, bill: Bill) -> None:
    """By tenant, with what is missing; and the sums are not those of the lines any more."""
    await topic.send([1, 2], tenant="a")
    await topic.send([3], tenant="b")
    await topic.run(bill)
    database = bill._database
    await database.select("UPDATE usage_lines SET cost_nanos = cost_nanos + 5 WHERE tenant = 'b'")
    await database.select("DELETE FROM usage_lines WHERE usage_id LIKE '%/1000/1'")
    verdict = await topic.verify(bill)
    assert verdict.differences() == {"a": Total(-1, 0, -23_000, -7, -8), "b": Total(0, 0, 5, 0, 0)}
    assert verdict.changed == {"b": 1}
    assert verdict.wrong_sums == ["a", "b"]
    assert not verdict.is_equal


async def test_what_only_moves_within_a_tenant_is_told(topic: UsageTopic, bill: Bill) -> None:
    """A cost was put on another line, and a line on another model: the tenant's totals once hid both."""
    await topic.send([1, 2, 3])
    await topic.run(bill)
    for change in (
        "UPDATE usage_lines SET cost_nanos = cost_nanos + 5 WHERE usage_id LIKE '%/1'",
        "UPDATE usage_lines SET cost_nanos = cost_nanos - 5 WHERE usage_id LIKE '%/2'",
        "UPDATE usage_lines SET model = 'cheaper' WHERE usage_id LIKE '%/3'",
    ):
        await bill._database.select(change)
    verdict = await topic.verify(bill)
    assert (verdict.differences(), verdict.changed, verdict.is_equal) == ({}, {"default": 3}, False)


async def test_sums_that_are_not_those_of_the_lines_are_told(topic: UsageTopic, bill: Bill) -> None:
    """Reports would be wrong though every line is right. So they would with the sums of another user, or of none."""
    await topic.send([1], feature="f")
    await topic.send([2], tenant="b", user="bob", cost_nanos=None)
    await topic.run(bill)
    assert (await topic.verify(bill)).is_equal
    await bill._database.select("UPDATE usage_hours SET user_name = 'eve' WHERE user_name = 'bob'")
    verdict = await topic.verify(bill)
    assert (verdict.differences(), verdict.wrong_sums, verdict.is_equal) == ({}, ["b"], False)
    await bill._database.select("UPDATE usage_days SET cost_nanos = cost_nanos + 1 WHERE tenant = 'default'")
    assert (await topic.verify(bill)).wrong_sums == ["b", "default"]
