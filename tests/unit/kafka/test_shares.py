"""Shares of the slots: a hanging route leaves room for others, and so do several."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.kafka.shares import Shares


def fill(shares: Shares, most: int, names: list[str]) -> Counter[str]:
    """Slots that each has in the end, when all want more in turn, and none gives one back."""
    taken: Counter[str] = Counter()
    for name in names:
        shares.expect(name)
    while wanting := [name for name in names if not shares.is_full(name, most - taken.total())]:
        for name in wanting:
            if taken.total() < most and not shares.is_full(name, most - taken.total()):
                shares.enter(name)
                taken[name] += 1
        if taken.total() == most:
            break
    return taken


@pytest.mark.parametrize(("hanging", "each", "left"), [(1, 400, 100), (2, 222, 56), (3, 154, 38), (10, 49, 10)])
def test_several_that_hang_leave_something(hanging: int, each: int, left: int) -> None:
    """With a share of 0.8 about one slot in 1 + 4 n, and one that comes then gets it."""
    shares = Shares(0.8, [str(number) for number in range(20)])
    taken = fill(shares, 500, [str(number) for number in range(hanging)])
    assert all(each - 1 <= count <= each for count in taken.values())
    assert 500 - taken.total() >= left
    assert not shares.is_full("another", 500 - taken.total())


def test_who_is_alone_may_have_all() -> None:
    """Until somebody else wants some: then it gives none back, but gets no more."""
    shares = Shares(0.8)
    assert fill(shares, 500, ["only"]) == {"only": 500}
    shares.leave("only")
    assert not shares.is_full("only", 1)
    shares.expect("another")
    assert shares.is_full("only", 1)
    assert not shares.is_full("another", 1)


def test_one_that_the_settings_name_counts_before_it_comes() -> None:
    """Otherwise all slots could hang before its first request."""
    assert fill(Shares(0.8, ["one", "other"]), 500, ["one"]) == {"one": 400}


def test_shares_follow_the_weights() -> None:
    """Of each free slot it has a multiple: who weighs three leaves one in 13, who weighs a tenth 5 in 7."""
    weights = {"heavy": 3.0, "light": 0.1}
    assert fill(Shares(0.8, weights, weights.__getitem__), 1300, ["heavy"]) == {"heavy": 1200}
    assert fill(Shares(0.8, weights, weights.__getitem__), 700, ["light"]) == {"light": 200}


@given(st.integers(1, 12), st.floats(0.01, 1.0))
def test_whoever_has_none_may_have_one(most: int, share: float) -> None:
    """However small the share and however few the slots: nobody is shut out while one is free."""
    shares = Shares(share, "ab")
    taken = fill(shares, most, ["a"])
    assert 1 <= taken["a"] <= most
    assert not shares.is_full("b", most - taken.total())
