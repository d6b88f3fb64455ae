"""The plan of a chaos run."""

from collections import Counter

from tests.chaos.plan import Doses, doses, plan

SESSION = 4.0


def test_a_seed_gives_one_plan() -> None:
    """A run can be repeated with its faults, their times and their victims."""
    assert plan(7, 180, doses(3), SESSION) == plan(7, 180, doses(3), SESSION)
    assert plan(7, 180, doses(3), SESSION) != plan(8, 180, doses(3), SESSION)


def test_three_minutes_have_what_a_long_run_must_have() -> None:
    """Every kind comes, and most of them the kills; freezes go beyond the session, a slow broker does not."""
    faults = plan(7, 180, doses(3), SESSION)
    kinds = Counter(fault.kind for fault in faults)
    assert kinds["kill"] >= 10
    assert kinds["freeze"] >= 5
    assert kinds["join"] + kinds["leave"] >= 4
    assert kinds["restart"] >= 2
    assert min(kinds["slow"], kinds["poison"]) >= 1
    assert all(fault.seconds > SESSION for fault in faults if fault.kind == "freeze")
    assert all(fault.seconds < SESSION for fault in faults if fault.kind == "slow")


def test_faults_come_in_order_and_leave_time_at_the_end() -> None:
    """The last tenth is for what the last fault left behind."""
    faults = plan(3, 60, doses(1), SESSION)
    assert list(faults) == sorted(faults, key=lambda fault: fault.at)
    assert 0 <= faults[0].at < faults[-1].at <= 54.001


def test_somebody_joins_before_somebody_leaves() -> None:
    """There are never fewer workers than at the start."""
    turns = [
        fault.kind for fault in plan(5, 60, Doses(1, 1, 3, 2, 1, 1, 1), SESSION) if fault.kind in {"join", "leave"}
    ]
    assert turns == ["join", "leave", "join", "leave", "join"]


def test_a_short_run_has_one_of_each() -> None:
    """However short."""
    assert min(doses(0.1)) == 1
