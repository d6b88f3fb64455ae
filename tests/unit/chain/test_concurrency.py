"""Concurrency: additive increase, multiplicative decrease."""

from math import isinf

from streamproc.chain.concurrency import Concurrency


def entered(concurrency: Concurrency, count: int) -> Concurrency:
    """The same with so many calls in it."""
    for _ in range(count):
        concurrency.running += 1
    return concurrency


def test_the_stated_most_holds() -> None:
    """Two of two; one that leaves makes room."""
    concurrency, seen = Concurrency(2), []
    for _ in range(2):
        concurrency.running += 1
        seen.append(concurrency.is_full())
    concurrency.running -= 1
    assert [*seen, concurrency.is_full()] == [False, True, False]
    assert isinf(entered(Concurrency(), 1000).allowed)


def test_a_refusal_halves_what_runs_and_those_with_it_say_nothing_new() -> None:
    """Ten calls are refused together: that is one message. One that began later is another."""
    concurrency = entered(Concurrency(), 10)
    for _ in range(10):
        concurrency.slow_down(begun=0.0, now=1.0)
    assert concurrency.allowed == 5.0
    concurrency.slow_down(begun=1.0, now=2.0)
    assert concurrency.allowed == 2.5
    for later in range(3, 9):
        concurrency.slow_down(begun=float(later), now=float(later))
    assert concurrency.allowed == 1.0


def test_answers_raise_it_by_one_in_a_round_up_to_the_stated_most() -> None:
    """Four answers at four allowed make about five; and never more than the settings say."""
    concurrency = entered(Concurrency(6), 6)
    concurrency.slow_down(begun=0.0, now=1.0)
    assert concurrency.allowed == 3.0
    for _ in range(3):
        concurrency.speed_up()
    assert 3.8 < concurrency.allowed <= 4.0
    for _ in range(100):
        concurrency.speed_up()
    assert concurrency.allowed == 6.0


def test_what_is_not_used_is_not_raised() -> None:
    """One call at a time proves nothing about ten."""
    concurrency = entered(Concurrency(), 20)
    concurrency.slow_down(begun=0.0, now=1.0)
    for _ in range(19):
        concurrency.running -= 1
    concurrency.speed_up()
    assert concurrency.allowed == 10.0
