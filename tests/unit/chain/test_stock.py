"""The stock of a process, and the share that it goes on with: what is ordered, spent, given back and owed."""

import pytest

from streamproc.chain.lease import Draw, Lent
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
        draw = one.order(0.0)
        asked.append(draw)
        one.receive(Lent(draw.most, 0.0, "m"), 0.0)
        one.take(draw.most)
    assert asked == [Draw(1, most) for most in (2, 4, 8, 10, 10)]


def test_a_lease_that_is_old_goes_back_and_a_newer_one_stays() -> None:
    """The oldest is spent first; what goes back has the mark that it came with."""
    one = stock()
    for now, mark in ((0.0, "first"), (0.06, "second")):
        one.wait_seconds(8, now)
        one.order(now)
        one.receive(Lent(8, 0.0, mark), now)
        one.take(3)
    assert one.wait_seconds(10, 0.09) == 0.0
    assert one.wait_seconds(10, 0.12) > 0.0
    assert one.order(0.12) == Draw(2, 10, 0, (("first", 2),))
    one.close()
    assert one.order(0.12) == Draw(back=(("second", 8),))


def test_who_stands_behind_orders_only_what_is_missing_beside_the_first() -> None:
    """A small call's order took the place of that of a large one, and its lease was spent by the next small one."""
    one = stock()
    one.wait_seconds(80, 0.0)
    assert one.wait_seconds(1, 0.0, 80) > 0.0
    assert one.order(0.0).least == 80
    one.receive(Lent(80, 0.0, "m"), 0.0)
    assert one.wait_seconds(1, 0.0, 80) > 0.0
    assert one.order(0.0).least == 1
    assert one.wait_seconds(80, 0.0) == 0.0


def test_what_was_used_beyond_the_lease_is_owed() -> None:
    """An estimate was too low; it stands in the next order, once."""
    one = stock()
    one.take(3)
    one.owe(1)
    assert one.order(0.0) == Draw(owed=4)
    assert one.order(0.0) == Draw()
    assert one.is_settled


def test_what_was_never_used_goes_back_with_the_mark_of_its_oldest_part() -> None:
    """All of a call's leases are in the store still, if that one is; and what was not leased does not go back."""
    one = stock()
    for mark in ("first", "second"):
        one.receive(Lent(4, 0.0, mark), 0.0)
    assert one.take(2) == "first"
    one.cancel(5, one.take(5))
    one.cancel(1, one.take(1))
    one.cancel(1, one.take(1))
    assert one.order(0.0) == Draw(owed=1, back=(("first", 5), ("second", 1)))


def test_the_rest_of_an_estimate_goes_back_with_a_mark_older_than_any_lease() -> None:
    """All that was lent up to there is spent: what is lent and not yet used must not leave the store for it."""
    one = stock()
    one.give_back(5, 0.0)
    for number in range(6):
        one.receive(Lent(0, 0.0, f"of {number}"), number / 20)
    one.give_back(5, 0.25)
    one.give_back(2, 0.29)
    one.give_back(1, 0.31)
    assert one.order(0.31) == Draw(back=(("of 3", 7), ("of 4", 1)))


def test_what_goes_back_is_told_soon_where_something_is_missing() -> None:
    """It may be what is missing. Calls ended while one waited, and their rest flowed off before it was told."""
    one = stock()
    one.receive(Lent(0, 0.0, "old"), 0.0)
    one.wait_seconds(50, 0.2)
    one.order(0.2)
    one.receive(Lent(0, 0.5, "new"), 0.2)
    one.give_back(40, 0.21)
    assert one.due_in(0.21) == pytest.approx(0.01)
    assert one.order(0.22) == Draw(50, 50, 0, (("old", 40),))
    assert one.due_in(0.22) == pytest.approx(0.48)


def test_nothing_is_ordered_before_there_is_enough() -> None:
    """The store says when; until then the wait is that long."""
    one = stock()
    one.wait_seconds(1, 0.0)
    one.order(0.0)
    one.receive(Lent(0, 0.5, "m"), 0.0)
    assert one.due_in(0.2) == pytest.approx(0.3)
    assert one.wait_seconds(1, 0.2) == pytest.approx(0.31)
    assert one.order(0.2) == Draw()
    assert one.order(0.5).least == 1


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
