"""The retry budget of a process."""

from random import Random

from streamproc.chain.retry_budget import RetryBudget


def test_retries_are_a_part_of_the_calls_and_a_floor() -> None:
    """After the first burst: one in ten calls, or one each half second."""
    budget = RetryBudget(ratio=0.1, per_second=2, now=0.0)
    assert [budget.take(0.0) for _ in range(21)] == [True] * 20 + [False]
    for _ in range(10):
        budget.earn()
    assert [budget.take(0.0), budget.take(0.0)] == [True, False]
    assert [budget.take(0.5), budget.take(0.5)] == [True, False]


def test_a_run_that_comes_back_is_not_refused_and_tries_in_a_row_stand_back_for_it() -> None:
    """It is counted, down to a bound."""
    budget = RetryBudget(ratio=0.1, per_second=1, now=0.0)
    for _ in range(100):
        budget.charge(0.0)
    assert repr(budget) == "RetryBudget(-10.00 of 10 left)"
    assert not budget.take(10.9)
    assert budget.take(11.0)


def test_a_quiet_time_saves_nothing_up() -> None:
    """A day of calls without a failure is no leave for a storm."""
    budget = RetryBudget(ratio=0.1, per_second=2, now=0.0)
    for _ in range(100_000):
        budget.earn()
    assert [budget.take(86_400.0) for _ in range(21)] == [True] * 20 + [False]


def test_without_a_floor_the_part_alone_counts() -> None:
    """A bucket that holds one try, so that a tenth can become one."""
    budget = RetryBudget(ratio=0.25, per_second=0, now=0.0)
    assert budget.take(0.0)
    for _ in range(3):
        budget.earn()
    assert not budget.take(1000.0)
    budget.earn()
    assert budget.take(1000.0)


def test_no_stretch_of_time_has_more_retries_than_it_may() -> None:
    """Calls and failures at random times, in all stretches at once."""
    random = Random(7)
    budget, now, excess = RetryBudget(0.1, 3, 0.0), 0.0, 0.0
    for _ in range(20_000):
        step = random.expovariate(20)
        now += step
        excess = max(0.0, excess - 3 * step)
        if random.random() < 0.5:
            budget.earn()
            excess = max(0.0, excess - 0.1)
        elif budget.take(now):
            excess += 1
        assert excess <= 30 + 1e-6
