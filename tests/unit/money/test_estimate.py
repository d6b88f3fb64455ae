"""The arithmetic of an estimate: means, ranks and loads, rounded up, and unknown where anything is."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.money.estimate import Asked, Figures, Load, figures

LOAD = Load(Fraction(1000), Fraction(0), Fraction(10))


def costing(*nanos: int | None) -> list[Asked]:
    """Requests that cost so much, and ten times that at most."""
    return [Asked(7, 8, one, None if one is None else 10 * one) for one in nanos]


def test_every_figure() -> None:
    """Of three requests, of which a thousand come each day."""
    assert figures(costing(10, 40, 20), LOAD) == Figures(
        requests=3, unknown=0, input=7, output=8, mean=24, p50=20, p95=40, worst=400,
        all_worst=700, day=23_334, month=700_000, scaled=7_000_000,
    )  # fmt: skip


def test_hits_cost_nothing_and_a_share_has_its_part() -> None:
    """A call costs what it costs; there are fewer of them."""
    load = Load(Fraction(1000), Fraction(1, 4), Fraction(2))
    found = figures(costing(100), load, Fraction(1, 2))
    assert (found.mean, found.day, found.month, found.scaled) == (100, 37_500, 1_125_000, 2_250_000)
    assert figures(costing(100), LOAD._replace(hit_rate=Fraction(1))).month == 0


@pytest.mark.parametrize(("percent", "count", "rank"), [("p50", 1, 1), ("p50", 4, 2), ("p95", 20, 19), ("p95", 21, 20)])
def test_percentiles_are_nearest_ranks(percent: str, count: int, rank: int) -> None:
    """Each is the cost of one of the requests."""
    assert getattr(figures(costing(*range(1, count + 1)), LOAD), percent) == rank


def test_one_unknown_cost_makes_the_sums_unknown() -> None:
    """Never zero: the others alone would be too little."""
    found = figures(costing(10, None, 20), LOAD)
    assert (found.requests, found.unknown) == (3, 1)
    assert found[4:] == (None,) * 8
    assert figures([Asked(None, 1, 5, 5), Asked(3, 1, 5, 5)], LOAD).input is None


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=50), st.integers(0, 10**6), st.integers(0, 100))
def test_a_day_is_never_too_low_and_never_a_nano_too_high(costs: list[int], requests: int, hits: int) -> None:
    """Rounding happens once, at the end."""
    found = figures(costing(*costs), Load(Fraction(requests), Fraction(hits, 100), Fraction(3)))
    exact = Fraction(sum(costs), len(costs)) * requests * (100 - hits) / 100
    assert found.day is not None
    assert found.scaled is not None
    assert 0 <= found.day - exact < 1
    assert 0 <= found.scaled - exact * 90 < 1
    assert min(costs) <= (found.p50 or 0) <= (found.p95 or 0) <= max(costs)
