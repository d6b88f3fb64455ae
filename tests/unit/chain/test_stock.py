"""The stock of a process, and the share that it goes on with: what is ordered, spent, given back and owed."""

import pytest

from streamproc.chain.limits import Hold, LimitRules
from streamproc.chain.share import Share, part_of
from streamproc.chain.stock import Stock, lent_at_once, life_seconds


def stock() -> Stock:
    """Of 100 a second and a burst of 100: a lease lives 0.1 s."""
    return Stock(6000, 100)


def test_what_is_missing_is_ordered_with_more_each_time_it_ran_dry() -> None:
    """At least what a call needs; at most what all processes may use in a lease's life."""
    one = stock()
    asked = []
    for _ in range(5):
        assert one.wait_seconds(1, 0.0) > 0.0
        (least, most), back = one.order(0.0)
        asked.append((least, most, back))
        one.receive(most, 0.0, 0.0)
        one.take(most)
    assert asked == [(1, 2, 0), (1, 4, 0), (1, 8, 0), (1, 10, 0), (1, 10, 0)]


def test_a_lease_that_is_old_goes_back_and_a_newer_one_stays() -> None:
    """The oldest is spent first."""
    one = stock()
    for now in (0.0, 0.06):
        one.wait_seconds(8, now)
        one.order(now)
        one.receive(8, 0.0, now)
        one.take(3)
    assert one.wait_seconds(10, 0.09) == 0.0
    assert one.wait_seconds(10, 0.12) > 0.0
    assert one.order(0.12) == ((2, 10), 2)


def test_who_stands_behind_orders_only_what_is_missing_beside_the_first() -> None:
    """A small call's order took the place of that of a large one, and its lease was spent by the next small one."""
    one = stock()
    one.wait_seconds(80, 0.0)
    assert one.wait_seconds(1, 0.0, 80) > 0.0
    assert one.order(0.0)[0][0] == 80
    one.receive(80, 0.0, 0.0)
    assert one.wait_seconds(1, 0.0, 80) > 0.0
    assert one.order(0.0)[0][0] == 1
    assert one.wait_seconds(80, 0.0) == 0.0


def test_what_was_used_beyond_the_lease_is_owed() -> None:
    """An estimate was too low; it stands in the next order, once."""
    one = stock()
    one.take(3)
    one.give_back(1)
    assert one.order(0.0) == ((0, 0), -2)
    assert one.order(0.0) == ((0, 0), 0)
    assert one.is_settled


def test_nothing_is_ordered_before_there_is_enough() -> None:
    """The store says when; until then the wait is that long."""
    one = stock()
    one.wait_seconds(1, 0.0)
    one.order(0.0)
    one.receive(0, 0.5, 0.0)
    assert one.due_in(0.2) == pytest.approx(0.3)
    assert one.wait_seconds(1, 0.2) == pytest.approx(0.31)
    assert one.order(0.2) == ((0, 0), 0)
    assert one.order(0.5)[0][0] == 1


def test_bursts_leave_room_for_the_life_of_leases() -> None:
    """Half of a burst that is used up quickly, the limit's part of 0.1 s of a large one."""
    assert (life_seconds(6000, 100), lent_at_once(6000, 100)) == (0.1, 90)
    assert (life_seconds(6000, 10), lent_at_once(6000, 10)) == (0.05, 5)


def test_a_share_begins_with_nothing_left_and_flows_at_its_part() -> None:
    """A third of sixty a minute: one in three seconds, the first after its part of the burst has flowed off."""
    share = Share(LimitRules(requests_per_minute=60, requests_burst=6, max_concurrent=2), 3, 0.0)
    assert share.hold(1, 0, 0.0) == Hold("requests", pytest.approx(3.0))  # type: ignore[arg-type] # equal to the number
    assert share.hold(1, 0, 3.0) is None
    share.enter(1, 3.0)
    requests, tokens = share.used(3.0)
    assert requests == pytest.approx(2.0)
    assert tokens == 0.0
    assert share.hold(1, 1, 60.0) == Hold("concurrency", 0.25)


def test_a_part_has_room_for_one_call_at_least() -> None:
    """Nobody stands still because many share little."""
    part = part_of(LimitRules(60, 2, 600, 5, 3), 10)
    assert part == LimitRules(6, 1, 60, 1, 1)
