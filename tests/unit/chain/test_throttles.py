"""Throttles: the turns of calls whose budget is nearly spent."""

from collections.abc import Sequence

from streamproc.chain.run import Run
from streamproc.chain.throttles import Throttles
from streamproc.money.cap import Account
from streamproc.money.scope import GLOBAL, Scope
from streamproc.money.spent import Slowed
from tests.fakes import FakeClock, a_request, a_run

ALL = Slowed(Account(GLOBAL, "day", 1), 60)
ONE = Slowed(Account(Scope("user", "ann", "t"), "day", 1), 6)


def rig(*slowed: Slowed) -> tuple[Throttles, FakeClock]:
    """Throttles of which the second one is for ann alone."""

    def of(tenant: str, user: str | None, feature: str | None) -> Sequence[Slowed]:
        del tenant, feature
        return slowed if user == "ann" else slowed[:1]

    clock = FakeClock()
    return Throttles(of, clock), clock


def run(user: str | None = None) -> Run:
    """A run of this user."""
    return a_run(request=a_request(user=user))


def test_each_run_has_a_turn_of_its_own() -> None:
    """Once it has it, it is not asked again; the first one has it at once."""
    throttles, clock = rig(ALL)
    runs = [run() for _ in range(5)]
    assert [throttles.wait_seconds(one) for one in runs] == [0, 1, 2, 3, 4]
    clock.now += 4
    assert [throttles.wait_seconds(one) for one in runs] == [0] * 5
    assert throttles.wait_seconds(run()) == 1


def test_what_is_far_away_is_not_promised() -> None:
    """The budget may be raised meanwhile; the run asks again, and takes nobody's place."""
    throttles, clock = rig(ALL)
    for _ in range(11):
        throttles.wait_seconds(run())
    late = run()
    assert (throttles.wait_seconds(late), late.is_paced) == (10, False)
    clock.now += 10
    assert (throttles.wait_seconds(late), late.is_paced) == (1, True)


def test_the_slowest_of_several_counts() -> None:
    """And the turn is taken from all of them."""
    throttles, _ = rig(ALL, ONE)
    assert [throttles.wait_seconds(run(user)) for user in ("ann", "ann", None, None)] == [0, 10, 2, 3]


def test_nobody_is_slowed_down_without_a_budget_that_says_so() -> None:
    """Nor does the run count as one that has waited: it may be another time."""
    throttles, _ = rig()
    free = run()
    assert (throttles.wait_seconds(free), free.is_paced) == (0, False)
