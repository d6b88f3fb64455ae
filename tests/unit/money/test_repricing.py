"""Old usage lines by today's prices."""

from datetime import UTC, datetime

import pytest

from streamproc.money.rates import Rates, Step
from streamproc.money.repricing import Group, Repriced, Repricing, priced_again
from streamproc.records.usage import TokenCounts, UsageLine
from tests.lines import a_line

CHEAP, DEAR = Step(0, 10**6, 2 * 10**6, 10**5, 10**6, 2 * 10**6, 0), Step(0, 4 * 10**6, 8 * 10**6, 0, 0, 8 * 10**6, 0)
CHANGE = datetime(2026, 2, 1, tzinfo=UTC)


def rates(provider: str, model: str, at: datetime) -> Rates | None:
    """Priced is one model, which became dearer in February, with a tier."""
    if (provider, model) != ("mock", "m"):
        return None
    return Rates((DEAR if at >= CHANGE else CHEAP,), "today", (("flex", (CHEAP,)),))


@pytest.mark.parametrize(
    ("line", "nanos"),
    [
        (a_line(), 7 * 1000 + 8 * 2000),
        (a_line(started_at=CHANGE), 7 * 4000 + 8 * 8000),
        (a_line(started_at=CHANGE, service_tier="flex"), 7 * 1000 + 8 * 2000),
        (a_line(service_tier="priority"), None),
        (a_line(tokens=TokenCounts(input=7, output=8, cached_input=5)), 2 * 1000 + 5 * 100 + 8 * 2000),
        (a_line(tokens=TokenCounts(input=7)), None),
        (a_line(model="other"), None),
        (a_line(provider="gone"), None),
        (a_line(basis="cache", provider="gone", cost_nanos=0), 0),
        (a_line(basis="upper_bound", started_at=CHANGE), 7 * 4000 + 8 * 8000),
        (a_line(basis="upper_bound", tokens=TokenCounts(output=8)), None),
        (a_line(basis="upper_bound", tokens=TokenCounts(input=8)), None),
    ],
)
def test_a_line_has_the_price_of_its_own_time_tier_and_kind(line: UsageLine, nanos: int | None) -> None:
    """What is not known stays so; a cache's line costs what it did."""
    assert priced_again(line, rates) == nanos


def test_sums_are_over_what_is_known_both_times() -> None:
    """A line that has a price only now, or only had one then, is counted and is in no sum."""
    repricing = Repricing(rates)
    for line in (
        a_line(),
        a_line(cost_nanos=20_000),
        a_line(cost_nanos=None),
        a_line(service_tier="priority"),
        a_line(tenant="acme"),
    ):
        repricing.add(line)
    sums = Repriced(lines=4, before=43_000, now=46_000, unknown_before=1, unknown_now=1)
    assert repricing.groups == {
        Group("default", "mock", "m"): sums,
        Group("acme", "mock", "m"): Repriced(1, 23_000, 23_000),
    }
    assert sums.difference == 3_000
