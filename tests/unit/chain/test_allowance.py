"""What a provider says is left: carried on, so that no call is refused that could be known to be."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.chain.allowance import Allowances, Left, Mark, Remaining
from streamproc.chain.breaker import BreakerRules
from streamproc.chain.limits import Hold
from streamproc.chain.standing import Standing
from tests.examples import examples

PATIENCE = 60.0


def left(limit: float, remaining: float, whole_in_seconds: float) -> Left:
    """What an answer says of requests."""
    return Left(Remaining(limit, remaining, whole_in_seconds), None)


def wait(allowances: Allowances, now: float) -> float:
    """How long the next request waits."""
    return allowances.wait_seconds(0, now)[0]


def test_nothing_is_held_before_anything_was_said() -> None:
    """Nor when it was long ago: a wrong word would hold the credential, and only calls bring a better one."""
    allowances = Allowances(PATIENCE)
    for _ in range(1000):
        mark = allowances.enter(0, 0.0)
        assert wait(allowances, 0.0) == 0.0
    allowances.told(left(10, 0, 86_400.0), mark, 0.0)
    assert wait(allowances, 0.0) == PATIENCE
    assert wait(allowances, PATIENCE) == 0.0


def test_what_is_said_to_be_left_is_let_in_and_then_as_it_fills() -> None:
    """Ten of sixty are used and it is whole in ten seconds, so one comes back in each."""
    allowances = Allowances(PATIENCE)
    allowances.told(left(60, 50, 10.0), allowances.enter(0, 0.0), 0.0)
    for _ in range(50):
        assert wait(allowances, 0.0) == 0.0
        allowances.enter(0, 0.0)
    assert wait(allowances, 0.0) == pytest.approx(1.0)
    assert wait(allowances, 1.0) == 0.0


def test_what_the_provider_may_not_have_seen_is_taken_off() -> None:
    """Calls that began since, and one before that nothing was heard of. What else uses the limit shows, too."""
    allowances = Allowances(PATIENCE)
    older, mark, *since = (allowances.enter(0, 0.0) for _ in range(22))
    allowances.told(left(60, 22, 38.0), mark, 0.0)
    for _ in range(1):
        assert wait(allowances, 0.0) == 0.0
        allowances.enter(0, 0.0)
    assert wait(allowances, 0.0) == pytest.approx(1.0)
    allowances.told(left(60, 21, 39.0), older, 0.0)
    assert wait(allowances, 0.0) == pytest.approx(1.0)
    allowances.told(left(60, 1, 59.0), since[-1], 0.0)
    assert wait(allowances, 0.0) == pytest.approx(1.0)


def test_calls_that_end_without_a_word_are_forgotten() -> None:
    """Nothing is remembered of a call that is over."""
    allowances = Allowances(PATIENCE)
    for mark in [allowances.enter(5, 0.0) for _ in range(100)]:
        allowances.leave(mark)
    assert not allowances._unheard


def test_a_standing_pauses_where_the_size_of_the_limit_is_not_told() -> None:
    """Then only "nothing is left" says something. Tokens hold a large call, and let a small one pass."""
    standing = Standing("main", "m", BreakerRules(max_open_seconds=60))
    mark = standing.enter(100, 0.0)
    standing.told(Left(Remaining(None, 3, 5.0), Remaining(1000, 200, 48.0)), mark, 0.0)
    assert standing.hold(200, 0.0) is None
    assert standing.hold(300, 0.0) == Hold("tokens", 6.0)
    standing.told(Left(Remaining(None, 0, 5.0), None), mark, 0.0)
    assert standing.hold(1, 0.0) == ("pause", 5.0)


@given(st.integers(0, 2**32), st.integers(2, 100), st.booleans(), st.floats(0.001, 5.0))
@examples(200)
def test_no_call_is_refused_once_something_was_said(seed: int, limit: int, is_late: bool, latency: float) -> None:
    """Against a bucket that fills steadily: headers made when the call comes in, or when its answer begins.

    The first call goes alone. All the others come as fast as they are let in, and the full rate is used.
    """
    random, allowances = Random(seed), Allowances(PATIENCE)
    rate, used, at, now, refused, calls = limit / 60, 0.0, 0.0, 0.0, 0, 0
    under_way: list[tuple[float, Mark, float]] = []  # when the answer begins, the mark, what was used then

    def level() -> float:
        return max(0.0, used - (now - at) * rate)

    while now < 300.0:
        for one in sorted(one for one in under_way if one[0] <= now):
            under_way.remove(one)
            began = level() if is_late else one[2]
            allowances.told(left(limit, int(limit - began), began / rate), one[1], now)
        if wait(allowances, now) == 0.0 and (calls != 1 or not under_way):
            refused += level() + 1 > limit + 1e-6
            used, at = level() + 1, now
            under_way.append((now + latency * random.random(), allowances.enter(0, now), used))
            calls += 1
        now += 0.01 if wait(allowances, now) == 0.0 else 0.05
    assert refused == 0
    assert calls >= 0.9 * min(limit + 300 * rate, 300 / (0.01 + latency if limit == 1 else 0.011)) - 2
