"""Offsets: the commit position never passes a record that is not finished."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.kafka.offsets import Offsets


@given(st.integers(0, 2**40), st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(0, 2**32))
def test_the_position_never_passes_an_unfinished_offset(begin: int, steps: list[int], seed: int) -> None:
    """Gaps in the log, any order of ends, some told twice: it only grows, and ends after the last record."""
    rng = random.Random(seed)
    offsets = Offsets(begin)
    coming = [begin + sum(steps[: number + 1]) - 1 for number in range(len(steps))]
    last = coming[-1]
    unfinished: set[int] = set()
    while coming or unfinished:
        before = offsets.position
        if coming and (not unfinished or rng.random() < 0.5):
            offset = coming.pop(0)
            assert offsets.track(offset)
            unfinished.add(offset)
        else:
            offset = rng.choice(sorted(unfinished))
            offsets.finish(offset)
            unfinished.remove(offset)
            if rng.random() < 0.3:
                offsets.finish(offset)
        assert offsets.position >= before
        assert offsets.position == min(unfinished, default=offsets.next)
        assert offsets.unfinished == len(unfinished)
        assert offsets.span == offsets.next - offsets.position
    assert offsets.position == offsets.next == last + 1


def test_a_record_that_comes_again_is_not_taken_again() -> None:
    """Below the next expected offset nothing is new, finished or not."""
    offsets = Offsets(5)
    assert offsets.track(5)
    assert offsets.track(9)
    assert not offsets.track(5)
    assert not offsets.track(7)
    assert not offsets.track(4)
    assert offsets.unfinished == 2


def test_an_offset_that_never_came_cannot_be_finished() -> None:
    """A late end of another claim's run would move the position over records nobody did."""
    offsets = Offsets(5)
    offsets.track(5)
    with pytest.raises(ValueError, match="offset 6 was never received"):
        offsets.finish(6)
    offsets.finish(4)
    assert repr(offsets) == "Offsets(position=5, next=6, unfinished=1)"


@given(st.integers(0, 2**40), st.sets(st.integers(0, 40)), st.integers(0, 2**32))
def test_what_a_former_owner_finished_is_not_done_again(begin: int, finished: set[int], seed: int) -> None:
    """A claim begins at the committed position with the map beside it; the rest comes out once, none of the map."""
    former = Offsets(begin)
    for offset in range(begin, begin + 41):
        former.track(offset)
    for distance in random.Random(seed).sample(sorted(finished), len(finished)):
        former.finish(begin + distance)
    position = former.position
    assert former.done == {begin + distance for distance in finished if begin + distance > position}
    heir = Offsets(position, former.done)
    assert (heir.position, heir.done) == (position, former.done)
    taken = [offset for offset in range(position, begin + 41) if heir.track(offset)]
    assert taken == [begin + distance for distance in range(41) if distance not in finished]
    for offset in taken:
        heir.finish(offset)
    assert (heir.position, heir.done, heir.unfinished) == (begin + 41, frozenset(), 0)
