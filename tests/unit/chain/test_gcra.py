"""GCRA: a limit and a burst, whatever is taken and given back, in every window."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.chain.gcra import Gcra


def test_the_burst_comes_at_once_and_the_rest_at_the_limit() -> None:
    """Sixty a minute and a burst of three: three at 0 s, then one each second."""
    gcra, now, begun = Gcra(60, 3), 0.0, []
    for _ in range(6):
        now += gcra.wait_seconds(1, now)
        gcra.take(1, now)
        begun.append(now)
    assert begun == pytest.approx([0, 0, 0, 1, 2, 3])


def test_a_wait_of_nothing_is_none() -> None:
    """Rounding left waits of less than a time can tell: who came back after one found the same moment, for ever."""
    random, gcra, now = Random(3), Gcra(600_000, 20_000), 0.0
    for _ in range(5000):
        amount = random.randint(50, 2000)
        for _ in range(3):
            wait = gcra.wait_seconds(amount, now)
            now += wait
        assert wait == 0.0
        gcra.take(amount, now)
        now += random.random() / 100


def test_what_is_larger_than_the_burst_waits_for_the_empty_bucket() -> None:
    """It is let in alone, and everybody after it waits for all of it."""
    gcra = Gcra(60, 10)
    assert gcra.wait_seconds(25, 0.0) == 0.0
    gcra.take(25, 0.0)
    assert gcra.wait_seconds(1, 0.0) == pytest.approx(16.0)
    assert gcra.wait_seconds(25, 0.0) == pytest.approx(25.0)


def test_what_was_not_used_comes_back_and_what_was_used_more_is_taken() -> None:
    """An estimate is corrected by the real count, in both directions."""
    gcra = Gcra(60, 10)
    gcra.take(10, 0.0)
    gcra.give_back(8)
    assert gcra.wait_seconds(8, 0.0) == 0.0
    gcra.take(8, 0.0)
    assert gcra.wait_seconds(1, 0.0) == pytest.approx(1.0)


def test_what_was_taken_for_nothing_leaves_as_far_as_it_has_not_flowed_off() -> None:
    """Ten calls that were never made gave back their requests when these had long flowed off: twice the burst came."""
    gcra = Gcra(60, 10)
    mark = gcra.take(10, 0.0)
    gcra.take(6, 8.0)
    gcra.cancel(10, mark, 8.0)
    assert gcra.level(8.0) == pytest.approx(6.0)
    gcra.cancel(10, mark, 8.0)
    assert gcra.level(8.0) == pytest.approx(6.0)


def test_what_left_early_counts_as_if_it_had_stood_before() -> None:
    """So nothing leaves twice: who took last has all of his in the bucket, who took first has none."""
    gcra = Gcra(60, 10)
    first, last = gcra.take(4, 0.0), gcra.take(4, 0.0)
    gcra.give_back(5)
    gcra.cancel(4, first, 0.0)
    assert gcra.level(0.0) == pytest.approx(3.0)
    gcra.cancel(4, last, 0.0)
    assert gcra.level(0.0) == 0.0


@given(st.integers(0, 2**32), st.floats(1, 6000), st.floats(1, 500))
def test_no_window_has_more_than_the_limit_s_part_and_the_burst(seed: int, per_minute: float, burst: float) -> None:
    """Less what was given back in it. All windows at once: the excess over the limit's rate, never below zero."""
    random, gcra = Random(seed), Gcra(per_minute, burst)
    now = excess = 0.0
    lent: list[float] = []
    for _ in range(200):
        step = random.expovariate(per_minute / 60) * random.choice((0.0, 0.1, 1.0, 30.0))
        now += step
        excess = max(0.0, excess - step * per_minute / 60)
        if lent and random.random() < 0.5:
            back = lent.pop(random.randrange(len(lent))) * random.random()
            gcra.give_back(back)
            excess = max(0.0, excess - back)
        amount = min(burst, random.choice((1.0, random.uniform(1, burst))))
        if gcra.wait_seconds(amount, now) == 0.0:
            gcra.take(amount, now)
            lent.append(amount)
            excess += amount
        assert excess <= burst * (1 + 1e-9) + per_minute / 60 * 1e-5
