"""The breaker: when it opens, the one probe, and what does not count."""

import pytest

from streamproc.chain.breaker import Breaker, BreakerRules, State

RULES = BreakerRules(
    window_calls=20, window_seconds=10, min_calls=4, failure_rate=0.5, slow_seconds=5, slow_rate=0.5, open_seconds=2
)


def fails(breaker: Breaker, count: int, now: float = 0.0) -> None:
    """So many calls fail, one after the other."""
    for _ in range(count):
        breaker.failed(breaker.begin(), now)


def opened(now: float = 0.0) -> Breaker:
    """One that four failures opened."""
    breaker = Breaker(RULES)
    fails(breaker, 4, now)
    assert breaker.state is State.OPEN
    return breaker


def test_too_many_failures_open_it() -> None:
    """Half of at least four; it says why, and for how long."""
    breaker = Breaker(RULES)
    breaker.succeeded(breaker.begin(), 0.1, 0.0)
    breaker.succeeded(breaker.begin(), 0.1, 0.0)
    fails(breaker, 1)
    assert (breaker.state, breaker.wait_seconds(0.0)) == (State.CLOSED, 0.0)
    assert breaker.failed(breaker.begin(), 0.0)
    assert (breaker.state, breaker.reason) == (State.OPEN, "2 of the last 4 calls failed")
    assert breaker.wait_seconds(0.5) == 1.5


def test_too_few_calls_prove_nothing() -> None:
    """Three of three failed, and it is closed."""
    breaker = Breaker(RULES)
    fails(breaker, 3)
    assert breaker.state is State.CLOSED


def test_slow_first_tokens_open_it() -> None:
    """Where the settings say what is slow."""
    breaker = Breaker(RULES)
    for seconds in (0.1, 5.1, 0.1, 6.0):
        breaker.succeeded(breaker.begin(), seconds, 0.0)
    assert (breaker.state, breaker.reason) == (State.OPEN, "2 of the last 4 calls were slow")
    never = Breaker(BreakerRules(min_calls=1))
    never.succeeded(never.begin(), 1000.0, 0.0)
    assert never.state is State.CLOSED


def test_the_window_forgets_by_time_and_by_count() -> None:
    """Failures of eleven seconds ago, and those behind the last twenty calls."""
    breaker = Breaker(RULES)
    fails(breaker, 3)
    fails(breaker, 1, now=10.1)
    assert breaker.state is State.CLOSED
    crowded = Breaker(BreakerRules(window_calls=4, min_calls=4, failure_rate=0.75))
    for _ in range(5):
        crowded.succeeded(crowded.begin(), None, 0.0)
    fails(crowded, 3)
    assert crowded.reason == "3 of the last 4 calls failed"


def test_one_probe_goes_through_and_its_first_token_closes_it() -> None:
    """An answer may take minutes; that the provider is back is known at its first token."""
    breaker = opened()
    assert breaker.wait_seconds(2.0) == 0.0
    probe = breaker.begin()
    assert (breaker.state, breaker.wait_seconds(2.0)) == (State.HALF_OPEN, 0.25)
    assert breaker.answered(probe, 0.2, 2.2)
    assert (breaker.state, breaker.wait_seconds(2.2)) == (State.CLOSED, 0.0)
    assert not breaker.succeeded(probe, 0.2, 9.0)


@pytest.mark.parametrize(("hint", "wait"), [(None, 2.0), (0.5, 2.0), (7.0, 7.0), (1e9, 60.0)])
def test_a_probe_that_fails_opens_it_again(hint: float | None, wait: float) -> None:
    """For as long as the provider asks, within the bound."""
    breaker = opened()
    assert breaker.failed(breaker.begin(), 2.0, retry_after_seconds=hint)
    assert (breaker.state, breaker.wait_seconds(2.0)) == (State.OPEN, wait)


def test_a_slow_probe_opens_it_again() -> None:
    """It is not back while it is as slow as before."""
    breaker = opened()
    assert breaker.answered(breaker.begin(), 6.0, 8.0)
    assert breaker.state is State.OPEN


def test_a_probe_that_needed_no_token_closes_it() -> None:
    """A fault of the request shows a provider that does its part."""
    breaker = opened()
    assert breaker.succeeded(breaker.begin(), None, 2.0)
    assert breaker.state is State.CLOSED


def test_a_cancelled_probe_leaves_the_next_call_to_be_one() -> None:
    """Otherwise nobody would ever probe again: the one permit would be lost."""
    breaker = opened()
    breaker.abandoned(breaker.begin(), 2.5)
    assert (breaker.state, breaker.wait_seconds(2.5)) == (State.OPEN, 0.0)
    assert breaker.answered(breaker.begin(), 0.1, 2.6)


def test_a_cancelled_call_counts_for_nothing() -> None:
    """Neither as a failure nor as a success."""
    breaker = Breaker(RULES)
    fails(breaker, 3)
    for _ in range(10):
        breaker.abandoned(breaker.begin(), 0.0)
    assert repr(breaker) == "Breaker(closed, 3 failed and 0 slow of 3)"


def test_calls_of_an_earlier_state_say_nothing() -> None:
    """Those that still ran when it opened: their successes do not close it, their failures do not open it again."""
    breaker = Breaker(RULES)
    late = [breaker.begin() for _ in range(20)]
    fails(breaker, 4)
    assert not breaker.succeeded(late[0], 0.1, 0.5)
    assert not breaker.failed(late[1], 0.5)
    breaker.answered(breaker.begin(), 0.1, 2.0)
    for ticket in late[2:]:
        breaker.failed(ticket, 3.0)
        breaker.abandoned(ticket, 3.0)
    assert breaker.state is State.CLOSED


def test_a_refused_credential_opens_it_at_once() -> None:
    """One proof is enough, and only a person can mend it."""
    breaker = Breaker(RULES)
    assert breaker.refused(breaker.begin(), 0.0, "the key is wrong")
    assert breaker.wait_seconds(0.0) == 30.0
    assert breaker.reason == "the key is wrong"


def test_one_that_is_off_never_opens() -> None:
    """Whatever comes."""
    breaker = Breaker(BreakerRules(enabled=False, min_calls=1))
    fails(breaker, 50)
    breaker.refused(breaker.begin(), 0.0, "the key is wrong")
    assert breaker.state is State.CLOSED
